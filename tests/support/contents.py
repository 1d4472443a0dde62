"""The contents of a mirror's database without clocks: two that hold the same are the same mirror."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Engine, select

from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.tables import form_table, submissions, to_fetch

_CLOCKS = ("inserted_at", "updated_at", "first_seen_at", "pushed_at", "deleted_at")


class Contents(NamedTuple):
    """The form table, the ledger's existing submissions, the ids of its tombstones, what is to be fetched."""

    rows: dict[int, dict[str, Any]]
    ledger: dict[int, dict[str, Any]]
    deleted: set[int]
    to_fetch: set[str]


def contents(engine: Engine) -> Contents:
    """Return what the database holds now."""
    with engine.begin() as connection:
        rows = [_timeless(row) for row in connection.execute(select(_table(engine))).mappings()]
        ledger = [_timeless(row) for row in connection.execute(select(submissions)).mappings()]
        waiting = set(connection.execute(select(to_fetch.c.ref)).scalars())
    return Contents(
        {row["kobo_id"]: row for row in rows},
        {row["kobo_id"]: row for row in ledger if row["state"] != "deleted"},
        {row["kobo_id"] for row in ledger if row["state"] == "deleted"},
        waiting,
    )


def moments(engine: Engine) -> dict[int, Any]:
    """Return when each row of the form table was last modified, by ``kobo_id``."""
    table = _table(engine)
    with engine.begin() as connection:
        found = connection.execute(select(table.c.kobo_id, table.c.updated_at))
        return {kobo_id: moment for kobo_id, moment in found}  # noqa: C416  # rows, not pairs


def _table(engine: Engine) -> Any:
    return form_table(KOBO_RECORDS)


def _timeless(row: Any) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _CLOCKS}
