"""Dropping: a form that a person wants to be gone, with its tables and all that is known of it."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Table, bindparam, delete, select

from kobo_mirror.database.ddl import changing_tables
from kobo_mirror.database.engine import reading, transact
from kobo_mirror.forms.declared import FORM
from kobo_mirror.store import catalog_tables  # noqa: F401  # its tables are part of the metadata
from kobo_mirror.store.forgetting import retract
from kobo_mirror.store.leases import process_holder, take_lease
from kobo_mirror.store.let_go import note_dropped
from kobo_mirror.store.tables import code_ids, codes, form_table, forms, leases, metadata
from kobo_mirror.store.views import drop_views

_PORTION = 1000


class Dropped(NamedTuple):
    """What became of the tables of a form.

    :param tables: names of those that were dropped.
    :param left: names of those that stay, since another program has made them in the place of ours.
    """

    tables: list[str]
    left: list[str]


def drop_form(engine: Engine, asset_uid: str) -> Dropped:
    """Drop the tables and views of a form, and delete what is known of it, but that it was dropped.

    Safe to repeat after a crash. No delivery is taken for it from then on.

    :param engine: made by ``open_engine``.
    :param asset_uid: the form key.
    :returns: what became of its tables.
    :raises LeaseError: a sync has the form.
    :raises TablesRefusedError: a table cannot be dropped; the next call goes on.
    """
    take_lease(engine, asset_uid, process_holder("drop"))
    transact(engine, partial(note_dropped, form_key=asset_uid))
    with changing_tables(engine) as changes:
        retracted = changes.step(partial(retract, asset_uid=asset_uid))
        dropped = [*reversed(retracted.tables)]
        if changes.step(partial(_has_declared, asset_uid=asset_uid)):
            dropped.append(form_table(FORM))
        drop_views(changes, asset_uid)
        for table in dropped:
            changes.drop(table)
    _forget(engine, asset_uid)
    return Dropped([table.name for table in dropped], [*retracted.left])


def _has_declared(connection: Connection, asset_uid: str) -> bool:
    query = select(forms.c.form_table).where(forms.c.asset_uid == asset_uid)
    return connection.scalar(query) == FORM.table


def _forget(engine: Engine, asset_uid: str) -> None:
    """Delete the rows of a form, the lease and the form's own row last, so that a crash leaves these."""
    mine = select(codes.c.code).where(codes.c.asset_uid == asset_uid)
    _delete(engine, code_ids, code_ids.c.code.in_(mine))
    of_a_form = [t for t in metadata.sorted_tables if "asset_uid" in t.c and t not in (forms, leases)]
    for table in (*of_a_form, leases, forms):
        _delete(engine, table, table.c.asset_uid == asset_uid)


def _delete(engine: Engine, table: Table, mine: Any) -> None:
    """Delete rows in portions, by their keys."""
    keys = list(table.primary_key.columns)
    is_it = (key == bindparam(f"the_{key.name}") for key in keys)
    one = delete(table).where(*is_it)
    while True:
        with reading(engine) as connection:
            found = connection.execute(select(*keys).where(mine).limit(_PORTION)).all()
        if not found:
            return
        rows = [{f"the_{key.name}": row[at] for at, key in enumerate(keys)} for row in found]
        transact(engine, partial(_execute, statement=one, rows=rows))


def _execute(connection: Connection, statement: Any, rows: list[dict[str, Any]]) -> None:
    connection.execute(statement, rows)
