"""Apply: a form's new schema becomes tables, and then the schema by which its rows are shaped.

Intention and claims, tables, flip: a process that is killed leaves steps that the next one finds done.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection, Engine, insert, update

from kobo_mirror.database.ddl import Born, TableChanges, changing_tables
from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.database.dialects.base_tables import StoredTable
from kobo_mirror.database.engine import now
from kobo_mirror.errors import FullTableError, SchemaError
from kobo_mirror.forms.compare import born_paths, lacking, must_shape_anew
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.mirror import NO_DECLARATION
from kobo_mirror.forms.parts import with_closed_part
from kobo_mirror.forms.plan import Plan
from kobo_mirror.store import catalog
from kobo_mirror.store.applied_tables import lost_tables
from kobo_mirror.store.bindings import NotBoundError, next_epoch
from kobo_mirror.store.failed_runs import give_unbound_runs
from kobo_mirror.store.form_schemas import StoredForm, stored_form
from kobo_mirror.store.form_tables import physical_columns, physical_tables
from kobo_mirror.store.leases import Lease, check_lease
from kobo_mirror.store.plans import note_applied
from kobo_mirror.store.table_names import check_free
from kobo_mirror.store.tables import forms
from kobo_mirror.store.views import drop_views_in_the_way


@dataclass(frozen=True)
class NamedForm:
    """The form whose schema is applied.

    :param server: address of its KoboToolbox server, as ``config.server_url`` spells it.
    :param name: as people know it.
    """

    server: str
    name: str


@dataclass(frozen=True)
class Applied:
    """What has become of a schema.

    :param born: tables that were made and columns that were added.
    :param lost: tables of the schema before that were not there, or lacked columns, and are there again.
    :param epoch: in which rows are shaped from now on.
    :param epoch_rose: every submission is to be shaped anew.
    :param schema: the one in force now. It is the one that was given, but for births that went to a later
        part since the database adds no more columns to a table without a copy of it.
    """

    born: tuple[Born, ...]
    lost: tuple[str, ...]
    epoch: int
    epoch_rose: bool
    schema: FormSchema


@dataclass(frozen=True)
class Steps:
    """What is noted of the change in ``kobo_plans``.

    :param plans: the plans that it carries out.
    :param policy: what ``schema`` in ``kobo.yml`` says.
    """

    plans: tuple[Plan, ...] = ()
    policy: str = ""


NOTHING_NOTED = Steps()


def apply_schema(
    engine: Engine, schema: FormSchema, form: NamedForm, lease: Lease, steps: Steps = NOTHING_NOTED
) -> Applied:
    """Make the tables of a schema, and let rows be shaped by it from then on. Safe to repeat.

    :param engine: made by ``open_engine``.
    :param schema: grown from ``StoredForm.newest``, if there is one.
    :param form: whose schema it is.
    :param lease: the right to pull this form.
    :param steps: what is noted of the change.
    :returns: what was done.
    :raises SchemaError: a name is taken, the schema was not grown from what is there, or it is that of
        another server's form; nothing was changed.
    :raises LeaseError: another sync has the form.
    :raises TablesRefusedError: the database refuses a table; what was made stays, and the next call goes on.
    :raises DatabaseError: the database cannot take it now; the same.
    """
    born: list[Born] = []
    lost: dict[str, None] = {}
    with changing_tables(engine) as changes:
        waiting: FormSchema | None = schema
        while waiting is not None:
            schema = waiting
            drop_views_in_the_way(changes, schema)
            there = changes.step(dialect_of(engine).stored_tables)
            intend = partial(_intend, schema=schema, form=form, lease=lease, there=there)
            lost |= dict.fromkeys(changes.step(intend))
            waiting = _make_tables(changes, schema, there, born)
        epoch, rose = changes.step(partial(_flip, schema=schema, lease=lease, steps=steps))
    return Applied(tuple(born), tuple(lost), epoch, rose or bool(lost), schema)


def _make_tables(
    changes: TableChanges, schema: FormSchema, there: Mapping[str, StoredTable], born: list[Born]
) -> FormSchema | None:
    """Make the tables of a schema.

    :param born: takes what is added.
    :returns: None; or the schema to be applied instead, where a table takes no more without a copy of it.
    """
    try:
        tables = physical_tables(schema).sorted_tables
        born.extend(made for table in tables if (made := changes.make(table, there.get(table.name))))
    except FullTableError as full:
        further = changes.step(partial(_elsewhere, schema=schema, table=full.table, there=there))
        if further == schema:
            raise
        return further
    return None


def _elsewhere(
    connection: Connection, schema: FormSchema, table: str, there: Mapping[str, StoredTable]
) -> FormSchema:
    """Return the schema with the births of a table in a later part, but for what shapes rows already."""
    stored = stored_form(connection, schema.asset_uid)
    in_force = physical_columns(stored.schema).get(table, ()) if stored and stored.schema else ()
    return with_closed_part(schema, table, {*there[table].columns, *in_force})


def _intend(
    connection: Connection,
    schema: FormSchema,
    form: NamedForm,
    lease: Lease,
    there: Mapping[str, StoredTable],
) -> list[str]:
    """Check that the tables can be ours, claim their names, and note what is intended.

    :returns: the tables that were there once and are not.
    """
    key = schema.asset_uid
    stored = stored_form(connection, key, exclusively=True)
    check_lease(connection, lease)
    if stored is not None:
        _check_growth(stored, schema, form, there)
    elif schema.declared:
        raise NotBoundError(
            f"Form {key} has no declared table yet: bind it before its other tables are made."
        )
    of_old = _names(stored.schema) if stored and stored.schema else set()
    claimed = dict.fromkeys(of_old, key) | catalog.claimed_names(connection)
    check_free(schema, stored, claimed, there)
    mine = {name for name, owner in claimed.items() if owner == key}
    catalog.release(connection, mine.difference(_names(schema), there))
    lost = lost_tables(stored, there)
    if stored is None:
        first = _first_row(schema, form) | {"epoch": next_epoch(connection, key)}
        connection.execute(insert(forms).values(first))
        give_unbound_runs(connection, key)
    elif lost or stored.schema != schema:
        values = {
            "name": form.name,
            "intended_schema": schema.to_json().decode(),
            "epoch": stored.epoch + bool(lost),
        }
        connection.execute(update(forms).where(forms.c.asset_uid == key).values(values))
    catalog.claim(connection, schema)
    return lost


def _names(schema: FormSchema) -> set[str]:
    return {table.part_name(part) for table in schema.tables for part in range(1, table.parts + 1)}


def _first_row(schema: FormSchema, form: NamedForm) -> dict[str, object]:
    return {
        "form_table": schema.root.name,
        "server": form.server,
        "asset_uid": schema.asset_uid,
        "name": form.name,
        "fingerprint": NO_DECLARATION,
        "bound_at": now(),
        "intended_schema": schema.to_json().decode(),
    }


def _check_growth(
    stored: StoredForm, schema: FormSchema, form: NamedForm, there: Mapping[str, StoredTable]
) -> None:
    """Refuse a schema that lacks what the form's tables have, or may have by an intention.

    :raises SchemaError: it lacks a column, or has it otherwise.
    """
    key = schema.asset_uid
    if stored.server != form.server:
        raise SchemaError(
            f"The tables of form {key} are filled from {stored.server}, not from {form.server}: set KOBO_URL "
            "back, or use another database."
        )
    missed = lacking(stored.schema, schema) if stored.schema else []
    if stored.intended:
        missed += [
            (table, column)
            for table, column in lacking(stored.intended, schema)
            if table in there and column in there[table].columns
        ]
    if missed:
        raise SchemaError(
            f"The new schema of form {key} lacks the column {'.'.join(missed[0])}, or has it otherwise than "
            "the database: nothing that was made is dropped or renamed, so take back what was changed in the "
            "settings, and use the newest version of Kobo Mirror."
        )


def _flip(connection: Connection, schema: FormSchema, lease: Lease, steps: Steps) -> tuple[int, bool]:
    """Let rows be shaped by the schema, once its tables are there, and say so in the catalog.

    :returns: the epoch, and whether it rose.
    """
    stored = stored_form(connection, schema.asset_uid, exclusively=True)
    check_lease(connection, lease)
    if stored is None:
        raise NotBoundError(
            f"Form {schema.asset_uid} was taken out of kobo_forms meanwhile: start the sync again."
        )
    catalog.describe(connection, schema)
    if stored.schema == schema and stored.intended is None:
        return stored.epoch, False
    rises = must_shape_anew(stored.schema, schema)
    waiting = stored.waiting
    if stored.schema is not None and not rises:
        waiting |= born_paths(stored.schema, schema)
    values = {
        "schema": schema.to_json().decode(),
        "schema_fingerprint": schema.fingerprint,
        "intended_schema": None,
        "views_fingerprint": None,  # until the views are made anew
        "epoch": stored.epoch + rises,
        "paths_to_promote": json.dumps(sorted(waiting)) if waiting else None,
    }
    connection.execute(update(forms).where(forms.c.asset_uid == schema.asset_uid).values(values))
    for plan in steps.plans:
        note_applied(connection, schema.asset_uid, plan, steps.policy)
    return stored.epoch + rises, rises
