"""Leaves: the keys and values of a document and of a row set, one by one, each with its home.

The judge of "One home" (docs/architecture.md): it knows nothing of where a value belongs, only that each is
kept once. It walks through what is kept and takes each value from the document's; what is left then has no
home, and what cannot be taken came from nowhere or has two homes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.submissions.row_set import RowSet
from kobo_mirror.tolerant_json import OddValue
from tests.support.judge.facts import (
    ATTACHMENTS,
    IDS,
    IN_NO_COLUMN,
    OF_THE_SERVER,
    VALIDATION,
    is_of_the_server,
    is_usual_id,
    value_columns,
)
from tests.support.judge.reading import CannotHoldError, read

Leaf = tuple[str, str]
"""A key, and a value as JSON; what is no JSON, as it was spelt, after a question mark."""
_EMPTY = ("[]", "{}")
_TEXTS = ("text", "key")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # UTC, as cells are


def leaves(key: str, value: Any) -> Iterator[Leaf]:
    """The values that stand in a value, each under the key that is nearest above it."""
    if value is None:
        return
    if isinstance(value, dict) and value:
        for inner, below in value.items():
            yield from leaves(f"{key}.{inner}" if key in (ATTACHMENTS, VALIDATION) else inner, below)
    elif isinstance(value, list) and value:
        for item in value:
            yield from leaves(key, item)
    else:
        yield key, _spelt(value)


def _spelt(value: Any) -> str:
    return f"?{value.text}" if isinstance(value, OddValue) else json.dumps(value)


class Accounts:
    """The values of a document, less those that a home was found for.

    :param document: as it was parsed.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._left: dict[str, Counter[str]] = {}
        for key, value in document.items():
            if key != "_id" and key not in IN_NO_COLUMN:
                for leaf, spelt in leaves(key, value):
                    if not is_of_the_server(leaf):
                        self._left.setdefault(leaf, Counter())[spelt] += 1
        self.faults: list[str] = []

    def take(self, leaf: Leaf, home: str) -> None:
        """Note that a value stands in a home."""
        if self.has(leaf):
            self._left[leaf[0]][leaf[1]] -= 1
        elif leaf[1] not in _EMPTY:
            self.faults.append(f"{home} holds {leaf[0]} = {leaf[1][:80]}: not sent, or kept twice")

    def take_if(self, key: str, fits: Callable[[Any], bool], home: str) -> None:
        """The same of a text of which only a reading is known."""
        for spelt, count in self._left.get(key, {}).items():
            if count > 0 and spelt.startswith('"') and fits(json.loads(spelt)):
                self._left[key][spelt] -= 1
                return
        self.faults.append(f"{home} holds what no answer to {key} says, or says twice")

    def has(self, leaf: Leaf) -> bool:
        """Whether a value is left."""
        return leaf[0] in self._left and self._left[leaf[0]][leaf[1]] > 0

    def left(self) -> Iterator[Leaf]:
        """The values that no home was found for; an empty list or object holds none."""
        for key, values in self._left.items():
            yield from ((key, spelt) for spelt in values.elements() if spelt not in _EMPTY)


def homeless(
    schema: FormSchema, document: Mapping[str, Any], row_set: RowSet, declared: Mapping[str, Any] | None
) -> list[str]:
    """What is kept twice, comes from nowhere, or is kept nowhere.

    :param declared: the cells of the declared table by question, or None for a rejected submission: then the
        payload has the answers to its questions.
    """
    accounts = Accounts(document)
    _take_system(row_set, accounts)
    for file in row_set.files:
        for field, value in (
            ("uid", file.uid), ("media_file_basename", file.file_name), ("mimetype", file.mime_type),
            ("question_xpath", file.question_xpath),
        ):  # fmt: skip
            for leaf in leaves(f"{ATTACHMENTS}.{field}", value):
                accounts.take(leaf, f"the file {file.uid}")
    _take_rejected(row_set, accounts)
    _take_extra(row_set, accounts)
    _take_cells(row_set, accounts)  # after what says how a value was spelt: "-3" and "-03" are one number
    for file in row_set.files:  # after extra, which has the marks of attachments that are no file
        mark = f"{ATTACHMENTS}.is_deleted", json.dumps(file.is_deleted)
        if file.is_deleted or accounts.has(mark):
            accounts.take(mark, f"the file {file.uid}")
    for key in IDS:
        if is_usual_id(key, document):
            accounts.take((key, json.dumps(document[key])), "the ledger")
    asked = {*schema.declared, "_submission_time"} if schema.declared else set()
    for key in asked:
        _take_declared(key, document.get(key), declared, accounts)
    left = (leaf for leaf in accounts.left() if declared is not None or leaf[0] not in asked)
    return [*accounts.faults, *(f"{key} = {value[:80]} has no home" for key, value in left)]


def _take_declared(key: str, answer: Any, declared: Mapping[str, Any] | None, accounts: Accounts) -> None:
    """Note that the declared table has an answer, or that a blank is none; else the payload has it."""
    leaf = (key, _spelt(answer))
    if declared is None or key not in declared or not accounts.has(leaf):
        return
    cell = declared[key]
    is_blank = isinstance(answer, str) and not answer.strip()
    if is_blank or _is_same(answer, cell):
        accounts.take(leaf, "the declared table")


def _is_same(answer: Any, cell: Any) -> bool:
    if isinstance(cell, datetime):
        sent = datetime.fromisoformat(answer)
        return bool((sent.astimezone(UTC).replace(tzinfo=None) if sent.tzinfo else sent) == cell)
    if isinstance(cell, date):
        return bool(date.fromisoformat(answer) == cell)
    return bool(int(answer) == cell) if isinstance(cell, int) else bool(answer == cell)


def _take_cells(row_set: RowSet, accounts: Accounts) -> None:
    """Take what the cells say, texts first: they say how it was spelt."""
    cells = [(row, column) for row in row_set.rows for column in value_columns(row.table)]
    for row, column in sorted(cells, key=lambda cell: cell[1].kind.value not in _TEXTS):
        cell = row.cells.get(column.name)
        if cell is not None:
            accounts.take_if(
                column.path, _reads_as(column.kind.value, cell), f"{row.table.name}.{column.name}"
            )


def _reads_as(kind: str, cell: Any) -> Callable[[Any], bool]:
    def fits(answer: Any) -> bool:
        try:
            found = read(kind, answer).cell
        except CannotHoldError:
            return False
        return type(found) is type(cell) and bool(found == cell)

    return fits


def _take_system(row_set: RowSet, accounts: Accounts) -> None:
    cells = row_set.rows[0].cells
    for name, (key, kind) in OF_THE_SERVER.items():
        cell = cells.get(name)
        if cell is None:
            continue
        if isinstance(cell, datetime) and kind == "seconds":
            accounts.take((key, json.dumps((cell - _EPOCH) / timedelta(seconds=1)).removesuffix(".0")), name)
        elif kind == "uuid":
            accounts.take_if(key, {cell, f"uuid:{cell}"}.__contains__, name)
        else:
            accounts.take_if(key, _reads_as(kind, cell), name)


def _take_rejected(row_set: RowSet, accounts: Accounts) -> None:
    for cell in row_set.rejected:
        home = f"the rejected cell {cell.table}.{cell.column} {cell.pos}"
        whole = [(cell.path, json.dumps(cell.value)), (cell.path, f"?{cell.value}")]
        found = next((leaf for leaf in whole if accounts.has(leaf)), None)
        if found:
            accounts.take(found, home)
            continue
        try:
            value = json.loads(cell.value, object_hook=_odd)
        except ValueError:
            accounts.faults.append(f"{home} holds what was not sent")
            continue
        if isinstance(value, str) and accounts.has((cell.path, f"?{value}")):
            accounts.take((cell.path, f"?{value}"), home)
            continue
        for leaf in leaves(cell.path, value):
            accounts.take(leaf, home)


def _odd(found: dict[str, Any]) -> Any:
    return OddValue(found["\udfff"], "") if list(found) == ["\udfff"] else found


def _take_extra(row_set: RowSet, accounts: Accounts) -> None:
    for row in row_set.rows:
        if not row.extra:
            continue
        text = row.extra_text or ""
        home = f"extra of {row.table.name} {row.pos}"
        if not text.isascii():
            accounts.faults.append(f"{home} is not ASCII")
        for key, value in json.loads(text, object_hook=_odd).items():
            for leaf in leaves(key, value):
                is_copy = leaf[0] == f"{ATTACHMENTS}.uid" and not row.pos and not accounts.has(leaf)
                if not is_copy and not is_of_the_server(leaf[0]):
                    accounts.take(leaf, home)
