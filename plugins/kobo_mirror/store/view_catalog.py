"""The catalog of views: which a form has, and what each of their columns shows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from kobo_mirror.database.bulk import Write, write
from kobo_mirror.forms.form_schema import Status
from kobo_mirror.store.catalog import VIEW
from kobo_mirror.store.catalog_tables import tables, view_columns
from kobo_mirror.views.answers import ViewColumn
from kobo_mirror.views.definitions import View

CatalogRow = tuple[str | None, ...]
"""What the catalog says of a view: path, table, language."""


def catalog_row(view: View) -> CatalogRow:
    """Return what the catalog is to say of a view.

    :param view: of a form.
    """
    return view.path, view.table, view.told or None


def claimed_views(connection: Connection, asset_uid: str) -> dict[str, CatalogRow]:
    """Return the views that the catalog has of a form.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    :returns: by their names.
    """
    t = tables.c
    query = select(t.table_name, t.path, t.parent_table, t.label).where(
        t.asset_uid == asset_uid, t.kind == VIEW
    )
    return {name: tuple(row) for name, *row in connection.execute(query)}


def claim_views(
    connection: Connection, key: str, rows: Mapping[str, CatalogRow], changed: Collection[str]
) -> None:
    """Write which views a form is to have, before they are made.

    :param connection: an open transaction.
    :param key: the form key.
    :param rows: what the catalog is to say of each.
    :param changed: the names of those of which it says something else.
    """
    release_views(connection, sorted(changed))
    for name in sorted(changed):
        path, parent, label = rows[name]
        told = {"path": path, "parent_table": parent, "label": label, "status": Status.ACTIVE.value}
        row = {"asset_uid": key, "table_name": name, "kind": VIEW, **told}
        connection.execute(insert(tables).values(row))


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
    rows = [(asset_uid, view.name, *row) for view in views for row in _rows_of(view)]
    for view in views:
        connection.execute(delete(view_columns).where(view_columns.c.view_name == view.name))
    write(connection, Write(view_columns, names, rows))


def described_columns(connection: Connection, names: Collection[str]) -> list[tuple[Any, ...]]:
    """Return of how many columns of each view the catalog tells.

    :param connection: an open transaction.
    :param names: of the views.
    :returns: name of a view and a number, in order.
    """
    name = view_columns.c.view_name
    mine = select(name, func.count()).where(name.in_(sorted(names)))
    return [tuple(row) for row in connection.execute(mine.group_by(name).order_by(name))]


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
