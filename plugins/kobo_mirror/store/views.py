"""Views: made of a form's tables for people, made anew when they would be others, and never read by us.

Its name is claimed, and that committed, before a view is made; which of those that are there are ours,
``view_catalog.our_views`` decides. What the database refuses is noted in ``kobo_forms`` and fails nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection, Engine, select, update

from kobo_mirror.database.ddl import TableChanges, changing_tables
from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.database.engine import reading, transact
from kobo_mirror.errors import DatabaseError
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.naming import fold
from kobo_mirror.store.catalog import claimed_names
from kobo_mirror.store.leases import Lease, check_lease
from kobo_mirror.store.table_names import taken_error
from kobo_mirror.store.tables import forms
from kobo_mirror.store.view_catalog import (
    catalog_row,
    claim_views,
    claimed_views,
    describe_views,
    note_definitions,
    our_views,
    release_views,
    retire_views,
    view_differences,
)
from kobo_mirror.store.view_fingerprint import Asked, fingerprint_of, further_noted
from kobo_mirror.store.view_sql import select_of
from kobo_mirror.views.definitions import View, views_of

_PATIENCE = 5.0  # seconds for each view that others use
_LONGEST_ERROR = 500


def bring_up_views(
    engine: Engine, schema: FormSchema, lease: Lease, further: Collection[str] = ()
) -> str | None:
    """Make the views of a form, unless they are there as they are to be. Safe to repeat.

    :param engine: made by ``open_engine``.
    :param schema: by which the form's rows are shaped; its tables are there.
    :param lease: the right to pull the form.
    :param further: kinds of views that are asked for.
    :returns: what the database refuses; None: all views are there.
    :raises LeaseError: another sync has the form.
    """
    asked = Asked(schema, tuple(sorted(further)))
    mine = forms.c.asset_uid == schema.asset_uid
    with reading(engine) as connection:
        noted = connection.scalar(select(forms.c.views_fingerprint).where(mine))
        if noted is not None and noted == fingerprint_of(connection, asked):
            return None
    try:
        with changing_tables(engine.execution_options(patience=_PATIENCE)) as changes:
            return _make(changes, asked, lease)
    except DatabaseError as refused:
        transact(engine, partial(_note, lease=lease, asked=asked, error=str(refused)))
        return str(refused)


def differences_of_views(connection: Connection, schema: FormSchema) -> list[str]:
    """Return where the catalog does not say what it is to say of a form's views.

    Where they wait to be made, or other code has made them, the next sync makes them anew: none is told.

    :param connection: a transaction that sees one state of the database.
    :param schema: by which the form's rows are shaped.
    :returns: a few words each, such as ``kobo_view_columns lacks survey__full.age``.
    """
    key = schema.asset_uid
    noted = connection.scalar(select(forms.c.views_fingerprint).where(forms.c.asset_uid == key))
    further = further_noted(noted) if noted else None
    return [] if further is None else view_differences(connection, key, views_of(schema, further))


def _make(changes: TableChanges, asked: Asked, lease: Lease) -> str | None:
    views = views_of(asked.schema, asked.further)
    refused, gone, ours = changes.step(partial(_claim, views=views, lease=lease))
    _drop(changes, lease.asset_uid, gone)
    for view in views:
        if view.name not in refused:
            try:
                changes.make_view(view.name, partial(select_of, view), replaces=view.name in ours)
            except DatabaseError as problem:
                refused[view.name] = str(problem)
    error = next(iter(refused.values()), None)
    made = [view for view in views if view.name not in refused]
    changes.step(partial(_note, lease=lease, asked=asked, error=error, made=made))
    return error


class _Claimed(NamedTuple):
    """What is to be done about the views of a form.

    :param refused: the views that cannot be made, each with the reason.
    :param gone: the claimed ones that are not to be any more.
    :param ours: those that are there and were made by us.
    """

    refused: dict[str, str]
    gone: list[str]
    ours: set[str]


def _claim(connection: Connection, views: Sequence[View], lease: Lease) -> _Claimed:
    """Note which views the form is to have; names that others have are left to them."""
    _lock(connection, lease)
    key = lease.asset_uid
    mine = claimed_views(connection, key)
    ours = our_views(connection, key, {*mine, *(view.name for view in views)})
    there, claimed = dialect_of(connection).stored_tables(connection), claimed_names(connection)
    others = {fold(name): name for name in {*(there.keys() - ours), *(claimed.keys() - mine.keys())}}
    refused: dict[str, str] = {}
    for view in views:
        if other := others.get(fold(view.name)):
            owner = claimed.get(other)
            refused[view.name] = str(
                taken_error(key, view.name, other, owner if owner != key else None, "view")
            )
    rows = {view.name: catalog_row(view) for view in views if view.name not in refused}
    claim_views(connection, key, rows)
    connection.execute(update(forms).where(forms.c.asset_uid == key).values({"views_fingerprint": None}))
    return _Claimed(refused, sorted(mine.keys() - rows.keys()), ours)


def _note(
    connection: Connection,
    lease: Lease,
    asked: Asked,
    error: str | None,
    made: Sequence[View] | None = None,
) -> None:
    """Note by what the views were made, or why they were not, and what those show that were made."""
    _lock(connection, lease)
    if made is not None:
        describe_views(connection, lease.asset_uid, made)
        note_definitions(connection, lease.asset_uid, [view.name for view in made])
    fingerprint = None if error else fingerprint_of(connection, asked)
    values = {"views_fingerprint": fingerprint, "views_error": error and error[:_LONGEST_ERROR]}
    connection.execute(update(forms).where(forms.c.asset_uid == lease.asset_uid).values(values))


def _lock(connection: Connection, lease: Lease) -> None:
    query = select(forms.c.epoch).where(forms.c.asset_uid == lease.asset_uid)
    connection.execute(query.with_for_update()).first()
    check_lease(connection, lease)


def drop_views_in_the_way(changes: TableChanges, schema: FormSchema) -> None:
    """Drop views of a form whose names its tables are to have; they are made anew under other names.

    :param changes: what changes tables.
    :param schema: whose tables are to be made.
    """
    wanted = {fold(t.part_name(part)) for t in schema.tables for part in range(1, t.parts + 1)}
    mine = changes.step(partial(claimed_views, asset_uid=schema.asset_uid))
    _drop(changes, schema.asset_uid, [name for name in mine if fold(name) in wanted])


def drop_views(changes: TableChanges, asset_uid: str) -> None:
    """Drop all views of a form.

    :param changes: what changes tables.
    :param asset_uid: the form key.
    """
    _drop(changes, asset_uid, [*changes.step(partial(claimed_views, asset_uid=asset_uid))])


def _drop(changes: TableChanges, asset_uid: str, names: Sequence[str]) -> None:
    if not names:
        return
    for name in changes.step(partial(retire_views, asset_uid=asset_uid, names=names)):
        changes.drop_view(name)
    changes.step(partial(release_views, names=names))
