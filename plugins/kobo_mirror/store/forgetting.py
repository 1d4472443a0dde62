"""Forget a form of which nothing was ever stored, such as one that was named by mistake."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Row, Table, delete, select, update

from kobo_mirror.database.ddl import changing_tables
from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.database.dialects.base_tables import StoredTable
from kobo_mirror.database.engine import reading
from kobo_mirror.forms.declared import FORM
from kobo_mirror.store import catalog_tables
from kobo_mirror.store.catalog import claimed_names
from kobo_mirror.store.form_schemas import read_schema
from kobo_mirror.store.form_tables import physical_tables
from kobo_mirror.store.ledger import holds_any
from kobo_mirror.store.mirrors import mirrors_another
from kobo_mirror.store.tables import form_table, forms
from kobo_mirror.store.views import drop_views

_OF_A_FORM = (
    catalog_tables.tables,
    catalog_tables.columns,
    catalog_tables.view_columns,
    catalog_tables.choices,
    catalog_tables.form_versions,
    catalog_tables.plans,
)


class Retracted(NamedTuple):
    """The derived tables of a form, once nothing is written there any longer.

    :param tables: those that are ours, parents first.
    :param left: names of those that another program has made in the place of ours.
    """

    tables: Sequence[Table] = ()
    left: Sequence[str] = ()


def require_free(engine: Engine, server: str, asset_uid: str) -> None:
    """Refuse a database that mirrors another form, unless nothing of that was ever stored.

    :param engine: made by ``open_engine``.
    :param server: address of the KoboToolbox server of the form that is to be mirrored.
    :param asset_uid: that form's uid.
    :raises SchemaError: the database mirrors another form.
    """
    with reading(engine) as connection:
        _require_free(connection, server, asset_uid)


def forget_empty_form(engine: Engine, server: str, asset_uid: str) -> None:
    """Drop the empty tables of another form, if there is one, so that this one can take its place.

    :param engine: made by ``open_engine``.
    :param server: address of the KoboToolbox server of the form that is to be mirrored.
    :param asset_uid: that form's uid.
    :raises SchemaError: the other form has submissions; nothing of them was changed.
    :raises TablesRefusedError: an empty table cannot be dropped.
    """
    with reading(engine) as connection:
        if _require_free(connection, server, asset_uid) is None:
            return
    with changing_tables(engine) as changes:
        tables = changes.step(partial(_retract, server=server, asset_uid=asset_uid))
        for name in changes.step(partial(_others, server=server, asset_uid=asset_uid)):
            drop_views(changes, name)
        for table in reversed(tables):
            if changes.step(partial(_is_empty, table=table)):
                changes.drop(table)
        changes.step(partial(_unbind, server=server, asset_uid=asset_uid))


def _require_free(
    connection: Connection, server: str, asset_uid: str, *, lock: bool = False
) -> Row[Any] | None:
    """Return the row of another form of which nothing was ever stored; None without another form."""
    query = select(forms)
    for row in connection.execute(query.with_for_update() if lock else query):
        if (row.server, row.asset_uid) == (server, asset_uid):
            return None
        # What the ledger has of a form is known by its uid alone: on another server it is another form.
        if row.asset_uid == asset_uid or _holds_anything(connection, row):
            raise mirrors_another(row.form_table, row.asset_uid, row.server, asset_uid, server)
        return row
    return None


def _retract(connection: Connection, server: str, asset_uid: str) -> Sequence[Table]:
    """Take the derived tables of the other form back, so that nothing is written there; return those to drop.

    They are noted as intended: the next form that is synced after a crash finds what is left to do.
    """
    row = _require_free(connection, server, asset_uid, lock=True)
    return [] if row is None else _retracted(connection, row).tables


def retract(connection: Connection, asset_uid: str) -> Retracted:
    """Take the derived tables of a form back, so that nothing is written there, before they are dropped.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    :returns: its tables; none of a form that is not there.
    """
    row = connection.execute(select(forms).where(forms.c.asset_uid == asset_uid).with_for_update()).first()
    return Retracted() if row is None else _retracted(connection, row)


def _retracted(connection: Connection, row: Row[Any]) -> Retracted:
    values = {
        "schema": None,
        "schema_fingerprint": None,
        "intended_schema": row.schema or row.intended_schema,
    }
    connection.execute(update(forms).where(forms.c.form_table == row.form_table).values(values))
    claimed = {name for name, owner in claimed_names(connection).items() if owner == row.asset_uid}
    there = dialect_of(connection).stored_tables(connection)
    found = [table for table in _derived(row) if table.name in there]
    ours = [table for table in found if table.name in claimed and _is_ours(table, there[table.name])]
    return Retracted(ours, [table.name for table in found if table not in ours])


def _others(connection: Connection, server: str, asset_uid: str) -> list[str]:
    """Return the form key of the other form, if it is still there."""
    row = _require_free(connection, server, asset_uid)
    return [row.asset_uid] if row is not None else []


def _unbind(connection: Connection, server: str, asset_uid: str) -> None:
    """Take the other form out of ``kobo_forms`` and the catalog."""
    row = _require_free(connection, server, asset_uid, lock=True)
    if row is not None:
        for table in _OF_A_FORM:
            connection.execute(delete(table).where(table.c.asset_uid == row.asset_uid))
        connection.execute(delete(forms).where(forms.c.form_table == row.form_table))


def _derived(row: Row[Any]) -> Sequence[Table]:
    """Return the derived tables of a form, with the columns that they have for certain, parents first."""
    schemas = (read_schema(row.asset_uid, raw) for raw in (row.intended_schema, row.schema))
    made = {table.name: table for one in schemas if one for table in physical_tables(one).sorted_tables}
    return list(made.values())


def _is_ours(table: Table, stored: StoredTable) -> bool:
    """Return False for a table or view of that name which another program has made since.

    Ours may have lost columns, or got others by hand, but keeps its key: one that has columns of others and
    lacks more than half of ours is none of ours.
    """
    ours, there = {*table.columns.keys()}, stored.columns.keys()
    if stored.is_view or not there >= {*table.primary_key.columns.keys()}:
        return False
    return there <= ours or 2 * len(ours & there) >= len(ours)


def _is_empty(connection: Connection, table: Table) -> bool:
    return connection.execute(select(table.c.kobo_id).limit(1)).first() is None


def _holds_anything(connection: Connection, row: Row[Any]) -> bool:
    if row.form_table == FORM.table:
        if not _is_empty(connection, form_table(FORM)):
            return True
        has_derived = row.schema is not None or row.intended_schema is not None
        return has_derived and holds_any(connection, row.asset_uid)
    return holds_any(connection, row.asset_uid)
