"""The tables of a form and their rows, as `make demo` and `make up` show them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from sqlalchemy import Engine

from kobo_mirror.airflow.page.texts import TEXTS
from kobo_mirror.database.engine import reading
from kobo_mirror.store.form_contents import TableSummary, tables_of

_WORDS = TEXTS["en"]


def tables_in(engine: Engine, asset_uid: str) -> list[TableSummary]:
    """Return the tables of a form with their rows; none before its first sync.

    :param engine: made by ``open_engine``, of a migrated database.
    :param asset_uid: the form's uid.
    """
    with reading(engine) as connection:
        return tables_of(connection, asset_uid)


def show_tables(tables: Sequence[TableSummary]) -> Table:
    """Return the tables of a form with their rows, a line each."""
    shown = Table(box=SIMPLE_HEAD)
    shown.add_column("table", no_wrap=True)
    shown.add_column("what it holds", overflow="fold")
    shown.add_column("rows", justify="right")
    for table in tables:
        holds = _WORDS[f"kind_{table.kind}"] + (f" of {table.path}" if table.path else "")
        shown.add_row(table.name, holds, "missing" if table.rows is None else f"{table.rows:,}")
    return shown
