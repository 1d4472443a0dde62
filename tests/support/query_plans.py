"""Query plans: the statements of real runs, tables as large as those of a form, and which are read whole."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event, text

from kobo_mirror.database.dialects.mysql.literals import Rows

Collected = dict[str, tuple[str, Any]]
_READING = re.compile(r"SELECT|UPDATE|DELETE|WITH|INSERT[^;]+?\)\s+SELECT")


@contextmanager
def collecting(engine: Engine, tables: Collection[str]) -> Iterator[Collected]:
    """Collect each kind of statement once that reads one of these tables, with the parameters of a run."""
    found: Collected = {}

    def note(connection: Connection, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if _READING.match(statement) and any(name in statement for name in tables):
            found.setdefault(re.sub(r"((%s|\?), )+", "", statement), (statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


def grow(connection: Connection, tables: Sequence[str], copies: int, fresh: dict[str, str]) -> None:
    """Double tables, with what was synced at their beginning.

    :param tables: parents before what refers to them.
    :param copies: how often.
    :param fresh: further columns that must differ, with an expression that holds ``{copy}``.
    """
    for copy in range(copies):
        changed = {"kobo_id": f"kobo_id + {10**6 * 2**copy}"}
        changed |= {name: expression.format(copy=copy) for name, expression in fresh.items()}
        for table in tables:
            names = _columns(connection, table)
            cells = ", ".join(changed.get(name, f'"{name}"') for name in names)
            cells = cells.replace('"', "`") if connection.dialect.name != "sqlite" else cells
            connection.execute(text(f"INSERT INTO {table} SELECT {cells} FROM {table}"))  # ours
    if connection.dialect.name == "sqlite":
        connection.execute(text("ANALYZE"))
    else:
        connection.execute(text(f"ANALYZE TABLE {', '.join(tables)}")).all()


def _columns(connection: Connection, table: str) -> list[str]:
    if connection.dialect.name == "sqlite":
        return [row[1] for row in connection.execute(text(f"PRAGMA table_info({table})"))]
    query = text(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = DATABASE() AND table_name = :table ORDER BY ordinal_position"
    )
    return [row[0] for row in connection.execute(query, {"table": table})]


def read_whole(connection: Connection, statement: str, parameters: Any, tables: Collection[str]) -> list[str]:
    """Return what of these tables a statement reads from one end to the other, be it by an index."""
    if connection.dialect.name == "sqlite":
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
        scans = [re.fullmatch(r"SCAN (\S+)(?: AS \S+)?( USING .*)?", row[3]) for row in plan]
        return [found[0] for found in scans if found and _named(statement, found[1]) in tables]
    connection.connection.dbapi_connection.encoders[Rows] = Rows.encoded  # type: ignore[union-attr]
    rows = connection.exec_driver_sql(f"EXPLAIN FORMAT=TRADITIONAL {statement}", parameters).mappings()
    return [
        f"{row['table']} by {row['key']}"
        for row in rows
        if row["type"] in ("ALL", "index") and _named(statement, str(row["table"])) in tables
    ]


def _named(statement: str, shown: str) -> str:
    """Return the table that an alias of a statement stands for."""
    alias = re.search(rf"(?:FROM|JOIN) `?(\w+)`? (?:AS )?`?{re.escape(shown)}`?\b", statement)
    return alias[1] if alias else shown
