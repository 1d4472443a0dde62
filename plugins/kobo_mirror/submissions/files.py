"""Files: the attachments of a submission, and which answer each belongs to.

The server tells the question by the file's name, and is wrong where two have the same (kobo-api.md §7); so
the answers decide here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from kobo_mirror.forms.question_types import KEY_LENGTH
from kobo_mirror.submissions.answers import storable

if TYPE_CHECKING:
    from kobo_mirror.submissions.row_set import Row
    from kobo_mirror.submissions.targets import Target

    Named = tuple[Row, Target, str]

_TEXTS = ("uid", "media_file_basename", "mimetype", "question_xpath")
_IN_NO_COLUMN = frozenset({"filename", "id", "instance", "xform"})
_KNOWN = frozenset(_TEXTS) | _IN_NO_COLUMN | {"is_deleted"}
_SUFFIX = re.compile(r"_[A-Za-z0-9]{7}(?=\.[^.]*$|$)")  # what Django's storage adds to a name that is taken


class FileRow(NamedTuple):
    """A row of the table of files.

    :param pos: the positions of the row whose answer names it, joined by ``-``; empty for the root.
    :param matched: ``exact``, ``guess``, ``several`` or ``none``.
    :param question_xpath: as the server last said; it is in no digest.
    """

    uid: str
    table_name: str | None
    pos: str | None
    column_name: str | None
    file_name: str | None
    mime_type: str | None
    is_deleted: bool
    matched: str
    question_xpath: str | None


class ListedFile(NamedTuple):
    """What the server says of a file, in the columns of the table of files.

    Which answer names it is left out, as is ``question_xpath``, which a new version of the form may change.
    """

    uid: str
    file_name: str | None
    mime_type: str | None
    is_deleted: bool


def listed_files(attachments: Any) -> frozenset[ListedFile]:
    """Return the attachments of a submission that have a row in the table of files.

    :param attachments: the value of ``_attachments``; None if there is none.
    """
    rows, _ = read_files(attachments, iter(()))
    return frozenset(ListedFile(row.uid, row.file_name, row.mime_type, row.is_deleted) for row in rows)


def read_files(attachments: Any, named: Iterator[Named]) -> tuple[list[FileRow], Any]:
    """Return the files of a submission, and what of the attachments goes to ``extra``, or None.

    An attachment that has no uid or one that no key holds, or that of one before it, or a field of another
    type than usual, goes there whole; of one with fields that are not known here, these do, beside its uid.

    :param attachments: the value of ``_attachments``.
    :param named: the cells that name a file.
    """
    if not isinstance(attachments, list):
        return [], attachments
    if not attachments:
        return [], None
    cells = _Cells(named)
    found: dict[str, FileRow] = {}
    odd: list[Any] = []
    for item in attachments:
        if not _is_usual(item) or item["uid"] in found:
            odd.append(item)
            continue
        found[item["uid"]] = _row(item, cells)
        if further := {key: value for key, value in item.items() if _is_unknown(key, value)}:
            odd.append({"uid": item["uid"], **further})
    return list(found.values()), odd or None


def _is_usual(item: Any) -> bool:
    if not isinstance(item, dict) or not item.get("uid"):
        return False
    texts = (item.get(key) for key in _TEXTS)
    if not isinstance(item.get("is_deleted"), bool | None):
        return False
    if not all(text is None or (isinstance(text, str) and storable(text)) for text in texts):
        return False
    return len(item["uid"]) <= KEY_LENGTH and not item["uid"].endswith(" ")  # it is part of a key


def _is_unknown(key: str, value: Any) -> bool:
    return value is not None and key not in _KNOWN and not key.endswith("url")


def _row(item: dict[str, Any], cells: _Cells) -> FileRow:
    name = item.get("media_file_basename")
    matched, cell = cells.match(name)
    table, pos, column = (cell[1].table, cell[0].pos, cell[1].column) if cell else (None, None, None)
    return FileRow(
        item["uid"], table, pos, column, name, item.get("mimetype"), bool(item.get("is_deleted")), matched,
        item.get("question_xpath"),
    )  # fmt: skip


class _Cells:
    """The cells that name files, by what they say and by how storage would spell it."""

    def __init__(self, named: Iterable[Named]) -> None:
        self._exact: dict[str, list[Named]] = {}
        for cell in named:
            self._exact.setdefault(cell[2], []).append(cell)

    @cached_property
    def _stored(self) -> dict[str, list[Named]]:
        found: dict[str, list[Named]] = {}
        for cell in chain.from_iterable(self._exact.values()):
            found.setdefault(_stored(cell[2]), []).append(cell)
        return found

    def match(self, name: str | None) -> tuple[str, Named | None]:
        """Return the cell that names a file, and how sure that is."""
        if name is None or not self._exact:
            return "none", None
        word, alike = "exact", self._exact.get(name)
        if not alike:
            spellings = dict.fromkeys((name, _SUFFIX.sub("", name)))
            word = "guess"
            alike = [cell for spelling in spellings for cell in self._stored.get(spelling, [])]
        if not alike:
            return "none", None
        return (word, alike[0]) if len(alike) == 1 else ("several", None)


def _stored(name: str) -> str:
    """Return a name as the server's storage spells it where it is not taken."""
    return re.sub(r"[^-\w.]", "", name.strip().replace(" ", "_"))
