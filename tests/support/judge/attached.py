"""Attached: which answer each file belongs to, and that none is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.submissions.row_set import RowSet
from tests.support.judge.facts import ATTACHMENTS, is_of_the_server
from tests.support.judge.reading import is_storable

_TEXTS = ("uid", "media_file_basename", "mimetype", "question_xpath")
_SUFFIX = 8  # an underscore and seven letters or digits
Place = tuple[str, str, str]


def misplaced_files(schema: FormSchema, document: Mapping[str, Any], row_set: RowSet) -> Iterator[str]:
    """What is wrong with the files of a row set."""
    listed = document.get(ATTACHMENTS)
    expected: dict[str, Mapping[str, Any]] = {}
    for item in listed if isinstance(listed, list) else []:
        if _is_usual(item):
            expected.setdefault(item["uid"], item)
    found = {file.uid: file for file in row_set.files}
    if len(found) < len(row_set.files):
        yield "two files have one uid"
    if found.keys() != expected.keys():
        yield f"files {sorted(found)}, not {sorted(expected)}"
    named = list(_named(row_set))
    for uid in found.keys() & expected.keys():
        file, item = found[uid], expected[uid]
        told = (
            item.get("media_file_basename"), item.get("mimetype"), bool(item.get("is_deleted")),
            item.get("question_xpath"),
        )  # fmt: skip
        if told != (file.file_name, file.mime_type, file.is_deleted, file.question_xpath):
            yield f"the file {uid} is not what was sent"
        matched, place = _match(item.get("media_file_basename"), named)
        if (file.matched, file.table_name, file.pos, file.column_name) != (matched, *place):
            yield f"the file {uid} is matched {file.matched} with {file.column_name}, not {matched} {place}"


def odd_attachments(listed: Any) -> Any:
    """What of the attachments stands in ``extra``; None: nothing."""
    if not isinstance(listed, list):
        return listed
    seen = set[str]()
    odd: list[Any] = []
    for item in listed:
        if not _is_usual(item) or item["uid"] in seen:
            odd.append(item)
            continue
        seen.add(item["uid"])
        unknown = {key for key, value in item.items() if value is not None and not _is_known(key)}
        if unknown:
            odd.append({key: value for key, value in item.items() if key in unknown or key == "uid"})
    return odd or None


def _is_known(key: str) -> bool:
    return key in (*_TEXTS, "is_deleted") or is_of_the_server(f"{ATTACHMENTS}.{key}")


def _is_usual(item: Any) -> bool:
    if not isinstance(item, dict) or item.get("uid") in (None, ""):
        return False
    texts = [item.get(key) for key in _TEXTS]
    if any(text is not None and not (isinstance(text, str) and is_storable(text)) for text in texts):
        return False
    if len(item["uid"]) > 64 or item["uid"][-1] == " ":
        return False
    return item.get("is_deleted") is None or type(item["is_deleted"]) is bool


def _named(row_set: RowSet) -> Iterator[tuple[str, Place]]:
    """The cells that name a file."""
    for row in row_set.rows:
        for column in row.table.columns:
            is_name = column.facet == "value" and column.kind.value == "text" and column.names_file
            cell = row.cells.get(column.name)
            if is_name and cell and column.status.value != "moved":
                part = row.table.name if column.part == 1 else f"{row.table.name}__{column.part}"
                yield str(cell), (part, row.pos, column.name)


def _match(name: str | None, named: list[tuple[str, Place]]) -> tuple[str, tuple[str | None, ...]]:
    nowhere = (None, None, None)
    if name is None:
        return "none", nowhere
    exact = [place for cell, place in named if cell == name]
    guess = [place for cell, place in named if _spelt(cell) in (name, _without_suffix(name))]
    for word, places in (("exact", exact), ("guess", guess)):
        if len(places) == 1:
            return word, places[0]
        if places:
            return "several", nowhere
    return "none", nowhere


def _spelt(name: str) -> str:
    """A name as the server's storage spells it: letters, digits, and ``_``, ``-`` and ``.``."""
    underscored = name.strip().replace(" ", "_")
    return "".join(c for c in underscored if c in "_-." or c.isalnum())


def _without_suffix(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    if not dot:
        stem, ending = ending, ""
    suffix = stem[-_SUFFIX:]
    letters = suffix[1:]
    if len(suffix) == _SUFFIX and suffix[0] == "_" and letters.isascii() and letters.isalnum():
        stem = stem[:-_SUFFIX]
    return f"{stem}{dot}{ending}"
