"""Refuse a form table that is bound to another form or declared otherwise, and bind one that is free."""

from __future__ import annotations

from sqlalchemy import Connection, Engine

from kobo_mirror.database.engine import reading
from kobo_mirror.errors import SchemaError
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.altered_tables import What, altered, told_of
from kobo_mirror.store.bindings import (
    bound_to,
    declared_otherwise,
    is_declared_otherwise,
    may_be_bound_anew,
    note_binding,
    require_form,
)
from kobo_mirror.store.catalog import catalog_differences
from kobo_mirror.store.mirrors import find_mirror
from kobo_mirror.store.schema import require_tables
from kobo_mirror.store.view_catalog import altered_views
from kobo_mirror.store.views import differences_of_views

_NAMED = 3


def check_binding(engine: Engine, mirror: Mirror, *, may_rebind_if_empty: bool = False) -> None:
    """Refuse a declared table that mirrors another form; one that mirrors none yet is accepted.

    The tables beside it need not be there: a sync makes them again.

    :param engine: made by ``open_engine``.
    :param mirror: the form that it is to mirror.
    :param may_rebind_if_empty: accept one without rows, too: its form was named by mistake.
    :raises SchemaError: it mirrors another form, or the schema is not the newest.
    """
    require_tables(engine, mirror.form, derived=False)
    bound = bound_to(engine, mirror)
    if bound is None:
        return
    with reading(engine) as connection:
        is_free = may_rebind_if_empty and may_be_bound_anew(connection, mirror, bound[1])
    if not is_free:
        require_form(mirror, *bound)


def check_shape(connection: Connection, mirror: Mirror) -> None:
    """Refuse a form whose rows another declaration shapes; one without tables yet is accepted.

    :param connection: an open transaction.
    :param mirror: the form and its declaration in this process.
    :raises SchemaError: it is declared otherwise than in this process.
    """
    if mirror.form and is_declared_otherwise(connection, mirror.form):
        raise declared_otherwise(mirror)


def check_catalog(connection: Connection, mirror: Mirror) -> None:
    """Refuse a form whose tables or views the catalog describes otherwise than they are.

    :param connection: an open transaction.
    :param mirror: the form.
    :raises SchemaError: the catalog lacks a row, has one too many, or says something else; a sync mends it.
    """
    schema = find_mirror(connection, *mirror.identity).schema
    if schema is None:
        return
    if found := [*catalog_differences(connection, schema), *differences_of_views(connection, schema)]:
        more = f", and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        raise SchemaError(
            f"The catalog does not describe the tables and views of form {mirror.asset_uid} "
            f"({'; '.join(found[:_NAMED])}{more}): run `python -m kobo_mirror sync`, which writes it anew, "
            "and verify again."
        )


def check_tables(connection: Connection, mirror: Mirror) -> None:
    """Refuse a form whose derived tables were changed by hand, but for comments.

    :param connection: an open transaction.
    :param mirror: the form.
    :raises SchemaError: a column, a key, an index or the like is otherwise than it was made.
    """
    schema = find_mirror(connection, *mirror.identity).schema
    found = [one for one in altered(connection, schema) if one.what is not What.COMMENT] if schema else []
    if told := told_of(found):
        raise SchemaError(
            f"The tables of form {mirror.asset_uid} were changed by hand. {told} Then verify again."
        )


def check_views(connection: Connection, asset_uid: str) -> None:
    """Refuse a form whose views were dropped or changed by hand.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    :raises SchemaError: a view that was made is missing, or is another one; a sync makes it anew.
    """
    if names := altered_views(connection, [asset_uid]).get(asset_uid):
        raise SchemaError(
            f"Views of form {asset_uid} were dropped or changed by hand, or cannot be read any more "
            f"({', '.join(names)}): run `python -m kobo_mirror sync`, which makes them anew, and verify "
            "again."
        )


def bind(
    engine: Engine,
    mirror: Mirror,
    *,
    may_rebind_if_empty: bool = False,
    intended: FormSchema | None = None,
) -> None:
    """Note which form the form table mirrors; before anything is changed, refuse any other.

    :param engine: made by ``open_engine``.
    :param mirror: the form that it is to mirror.
    :param may_rebind_if_empty: give a form table without rows to this form, whatever it was to mirror before.
    :param intended: as for ``note_binding``.
    :raises SchemaError: the form table mirrors another form, or the schema is not the newest; nothing was
        changed.
    """
    check_binding(engine, mirror, may_rebind_if_empty=may_rebind_if_empty)
    note_binding(engine, mirror, may_rebind_if_empty=may_rebind_if_empty, intended=intended)
    check_binding(engine, mirror)
