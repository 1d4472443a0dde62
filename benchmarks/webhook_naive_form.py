"""The naive way to take a form with repeats: objects of an ORM, rows of repeats deleted and added anew."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import Table, delete
from sqlalchemy.orm import Session, registry

from benchmarks.webhook_servers import Ledger, write_ledger
from benchmarks.webhook_subjects import nested_metadata, nested_schema
from kobo_mirror.forms import form_schema
from kobo_mirror.forms.question_types import Kind
from kobo_mirror.store.tables import submissions

_SYSTEM = {"submission_time": "_submission_time", "form_version": "__version__", "root_uuid": "meta/rootUuid"}
_READ: dict[Kind, Callable[[str], Any]] = {
    Kind.INTEGER: int,
    Kind.DECIMAL: float,
    Kind.DATE: date.fromisoformat,
    Kind.TIME: lambda text: time.fromisoformat(text).replace(tzinfo=None),
    Kind.DATETIME: lambda text: datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None),
    Kind.BOOLEAN: lambda text: text == "OK",
}


def takes_form() -> Callable[[Session, dict[str, Any], bytes], None]:
    """Return what writes a submission of the household survey to ledger and tables."""
    mapped, schema, tables = registry(), nested_schema(), nested_metadata().tables
    mapped.map_imperatively(Ledger, submissions)
    classes: dict[str, Any] = {}
    for one in schema.tables:
        classes[one.name] = type(one.name, (), {})
        mapped.map_imperatively(classes[one.name], tables[one.name])
    repeats = [one for one in schema.tables if one.chain]
    root, files = schema.root, next(one for one in schema.tables if one.kind == "files")
    emptied = [tables[one.name] for one in (*reversed(repeats), files)]

    def take(session: Session, submission: dict[str, Any], digest: bytes) -> None:
        write_ledger(session, submission, digest)
        row = session.get(classes[root.name], submission["_id"])
        if row is None:
            row = classes[root.name]()
            session.add(row)
        else:
            _delete(session, emptied, submission["_id"])
        _fill(row, root, submission, (submission["_id"],))
        for column, key in _SYSTEM.items():
            setattr(row, column, submission.get(key))
        session.flush()
        _add_rows(session, submission, (submission["_id"],), ())

    def _add_rows(
        session: Session, answers: dict[str, Any], key: tuple[int, ...], chain: tuple[str, ...]
    ) -> None:
        for repeat in repeats:
            if repeat.chain[:-1] == chain:
                for number, inside in enumerate(answers.get(repeat.path, []), 1):
                    row = classes[repeat.name]()
                    _fill(row, repeat, inside, (*key, number))
                    session.add(row)
                    session.flush()
                    _add_rows(session, inside, (*key, number), repeat.chain)

    return take


def _delete(session: Session, tables: list[Table], kobo_id: int) -> None:
    for table in tables:
        session.execute(delete(table).where(table.c.kobo_id == kobo_id))


def _fill(row: Any, table: form_schema.Table, answers: dict[str, Any], key: tuple[int, ...]) -> None:
    for name, number in zip(table.keys, key, strict=True):
        setattr(row, name, number)
    for column in table.columns:
        if column.facet == form_schema.ROWS:
            setattr(row, column.name, len(answers.get(column.path, [])))
        elif column.facet == form_schema.VALUE:
            answer = answers.get(column.path)
            read = _READ.get(column.kind)
            setattr(row, column.name, read(answer) if read and answer is not None else answer)
