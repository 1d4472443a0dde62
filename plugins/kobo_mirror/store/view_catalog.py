"""The catalog of views: which a form has, and what each of their columns shows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from kobo_mirror.database.bulk import Write, write
from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.forms.form_schema import Status
from kobo_mirror.store.catalog import VIEW, claimed_names
from kobo_mirror.store.catalog_tables import tables, view_columns
from kobo_mirror.views.answers import ViewColumn
from kobo_mirror.views.definitions import View

_ByKey = Mapping[tuple[str, ...], tuple[Any, ...]]
CatalogRow = tuple[str | None, ...]
"""What the catalog says of a view: path, table, language."""


def catalog_row(view: View) -> CatalogRow:
    """Return what the catalog is to say of a view.

    :param view: of a form.
    """
    return view.path, view.table, view.told or None


class Claim(NamedTuple):
    """What the catalog has of a view.

    :param told: what it says of it.
    :param definition: what the database had of it when it was made; None: it was not made, or that cannot be
        read.
    """

    told: CatalogRow
    definition: bytes | None


def claimed_views(connection: Connection, asset_uid: str) -> dict[str, Claim]:
    """Return the views that the catalog has of a form.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    :returns: by their names.
    """
    t = tables.c
    query = select(t.table_name, t.definition, t.path, t.parent_table, t.label).where(
        t.asset_uid == asset_uid, t.kind == VIEW
    )
    return {name: Claim(tuple(told), made) for name, made, *told in connection.execute(query)}


def altered_views(connection: Connection, asset_uids: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the views of forms that are missing, are not what they were made as, or cannot be read any more.

    One that could not be made is none of them.

    :param connection: an open transaction.
    :param asset_uids: the form keys.
    :returns: their names in order, by form key; forms without any are left out.
    """
    t = tables.c
    query = select(t.asset_uid, t.table_name, t.definition).where(
        t.kind == VIEW, t.definition.is_not(None), t.asset_uid.in_(sorted(asset_uids))
    )
    made = connection.execute(query.order_by(t.table_name)).all()
    there = dialect_of(connection).stored_views(connection, [row.table_name for row in made])
    found: dict[str, tuple[str, ...]] = {}
    for key, name, definition in made:
        if name not in there or there[name].digest != definition:
            found[key] = (*found.get(key, ()), name)
    return found


def our_views(connection: Connection, asset_uid: str, names: Collection[str]) -> set[str]:
    """Return which of these views are there and were made by us for a form.

    A claim alone says only that a view was to be made: another program's may be there by now. So it must be
    noted as made, or have the mark, which also tells a view whose claim was lost.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    :param names: of views that the form has, or is to have.
    """
    claims, owners = claimed_views(connection, asset_uid), claimed_names(connection)
    noted = {name for name, claim in claims.items() if claim.definition is not None}
    noted |= {row[1] for row in described_columns(connection, asset_uid, claims)} & claims.keys()
    there = dialect_of(connection).stored_views(connection, names)
    ours = {name for name, view in there.items() if name in noted or view.is_marked}
    return {name for name in ours if name in claims or name not in owners}


def note_definitions(connection: Connection, asset_uid: str, made: Collection[str]) -> None:
    """Note what the database has of the views that were just made, and of others that they are not there.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    :param made: the names of those.
    """
    claims = claimed_views(connection, asset_uid)
    there = dialect_of(connection).stored_views(connection, claims)
    for name, claim in claims.items():
        kept = claim.definition if name in there else None
        definition = there[name].digest if name in made and name in there else kept
        if claim.definition != definition:
            is_it = tables.c.table_name == name
            connection.execute(update(tables).where(is_it).values({"definition": definition}))


def claim_views(connection: Connection, key: str, rows: Mapping[str, CatalogRow]) -> None:
    """Write which views a form is to have, before they are made.

    :param connection: an open transaction.
    :param key: the form key.
    :param rows: what the catalog is to say of each.
    """
    mine = claimed_views(connection, key)
    for name, (path, parent, label) in sorted(rows.items()):
        told = {"path": path, "parent_table": parent, "label": label, "status": Status.ACTIVE.value}
        if name not in mine:
            row = {"asset_uid": key, "table_name": name, "kind": VIEW, **told}
            connection.execute(insert(tables).values(row))
        elif mine[name].told != rows[name]:
            connection.execute(update(tables).where(tables.c.table_name == name).values(told))


def retire_views(connection: Connection, asset_uid: str, names: Collection[str]) -> list[str]:
    """Forget that views of a form were made, before they are dropped; until then their marks tell them.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    :param names: of claimed views.
    :returns: the names of those that are to be dropped: another program's is left to it.
    """
    ours = our_views(connection, asset_uid, names)
    for name in names:
        is_it = (tables.c.table_name == name, tables.c.kind == VIEW)
        connection.execute(update(tables).where(*is_it).values({"definition": None}))
        connection.execute(delete(view_columns).where(view_columns.c.view_name == name))
    return sorted(ours)


def release_views(connection: Connection, names: Iterable[str]) -> None:
    """Take views out of the catalog.

    :param connection: an open transaction.
    :param names: of views of a form.
    """
    for name in names:
        connection.execute(delete(tables).where(tables.c.table_name == name, tables.c.kind == VIEW))
        connection.execute(delete(view_columns).where(view_columns.c.view_name == name))


def describe_views(connection: Connection, asset_uid: str, views: Sequence[View]) -> None:
    """Write what the columns of views show, in place of what was said of them before.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    :param views: those that were made; of one that could not be made anew stays what was said.
    """
    names = tuple(view_columns.columns.keys())
    rows = [row for view in views for row in _described(asset_uid, view)]
    for view in views:
        connection.execute(delete(view_columns).where(view_columns.c.view_name == view.name))
    of_none = view_columns.c.view_name.not_in(select(tables.c.table_name).where(tables.c.kind == VIEW))
    connection.execute(delete(view_columns).where(view_columns.c.asset_uid == asset_uid, of_none))
    write(connection, Write(view_columns, names, rows))


def described_columns(
    connection: Connection, asset_uid: str, names: Collection[str]
) -> list[tuple[Any, ...]]:
    """Return what the catalog tells of the columns of views.

    :param connection: an open transaction.
    :param asset_uid: the form key; what is told of other views of the form is returned, too.
    :param names: of the views.
    :returns: rows of ``kobo_view_columns``, in order.
    """
    c = view_columns.c
    mine = select(view_columns).where((c.asset_uid == asset_uid) | c.view_name.in_(sorted(names)))
    return sorted((tuple(row) for row in connection.execute(mine)), key=lambda row: row[1:3])


def view_differences(connection: Connection, asset_uid: str, views: Sequence[View]) -> list[str]:
    """Return where the catalog does not say what it is to say of the views of a form.

    :param connection: a transaction that sees one state of the database.
    :param asset_uid: the form key.
    :param views: those that were made.
    :returns: a few words each, such as ``kobo_view_columns lacks survey__full.age``.
    """
    claims: _ByKey = {(name,): claim.told for name, claim in claimed_views(connection, asset_uid).items()}
    wanted: _ByKey = {(view.name,): catalog_row(view) for view in views}
    told = described_columns(connection, asset_uid, [view.name for view in views])
    shown = {row[1:3]: row for view in views for row in _described(asset_uid, view)}
    return [
        *_differences(tables.name, claims, wanted),
        *_differences(view_columns.name, {row[1:3]: row for row in told}, shown),
    ]


def _differences(table: str, there: _ByKey, wanted: _ByKey) -> Iterator[str]:
    for key in sorted(there.keys() | wanted.keys()):
        if key not in there:
            yield f"{table} lacks {'.'.join(key)}"
        elif key not in wanted:
            yield f"{table} has {'.'.join(key)} too many"
        elif there[key] != wanted[key]:
            yield f"{table} says something else of {'.'.join(key)}"


def _described(asset_uid: str, view: View) -> Iterator[tuple[Any, ...]]:
    return ((asset_uid, view.name, *row) for row in _rows_of(view))


def _rows_of(view: View) -> Iterator[tuple[Any, ...]]:
    for place, shown in enumerate(view.columns, 1):
        of = shown.of
        asked = (of.question_type, of.list_name) if of else (None, None)
        choice = shown.choice[0] if shown.choice else None
        label = _label_of(shown, view.languages)
        yield shown.name, place, shown.facet, shown.question or None, *asked, choice, label


def _label_of(shown: ViewColumn, languages: Sequence[str]) -> str | None:
    """Return the label of the choice or question, in the first of the languages that it has."""
    if shown.choice:
        return shown.choice[1]
    labels = shown.of.labels if shown.of else {}
    told = (labels[name] for name in (*languages, *labels) if name in labels)
    return next(told, None)
