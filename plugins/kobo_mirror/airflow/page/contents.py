"""What the tables of a form hold, as the page and its endpoints show it: tables, rows and rejected cells."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any

from fastapi import HTTPException, Query
from sqlalchemy import Connection

from kobo_mirror.airflow.page import access, schemas
from kobo_mirror.airflow.page.kept_counts import KeptCounts
from kobo_mirror.airflow.page.kobo_links import address
from kobo_mirror.airflow.page.view_models import SHOWN
from kobo_mirror.database.engine import ADDRESS, moment_of, reading
from kobo_mirror.forms.form_schema import TableKind
from kobo_mirror.store.form_contents import TableSummary, described_tables, tables_of
from kobo_mirror.store.listings import BoundForm, bound_forms
from kobo_mirror.store.rejected_cells import (
    CellPlace,
    RejectedCellRow,
    RejectedColumns,
    rejected_cells,
    rejected_columns,
    rejected_columns_of,
)
from kobo_mirror.store.view_catalog import altered_views
from kobo_mirror.submissions.document import HIGHEST_ID

CELLS = 50
"""So many rejected cells are on a page."""

Place = Annotated[
    str | None, Query(pattern="^-?[0-9]{1,19}-[0-9a-f]{32}$", description="Only those after this `place`.")
]
Limit = Annotated[int, Query(ge=1, le=200)]

_tables: KeptCounts[schemas.FormTables] = KeptCounts()
_columns: KeptCounts[RejectedColumns] = KeptCounts()
_views: KeptCounts[Mapping[str, tuple[str, ...]]] = KeptCounts()


def bound(connection: Connection, asset_uid: str) -> BoundForm:
    """Return a form that the database mirrors.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :raises HTTPException: 404: there is no such form.
    """
    for found in bound_forms(connection):
        if found.asset_uid == asset_uid:
            return found
    raise HTTPException(404, "This database mirrors no such form.")


def kept_columns(connection: Connection, asset_uid: str) -> RejectedColumns:
    """Return the columns with rejected cells, as they were counted a while ago if that takes long.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    """
    return _columns.get(_key(connection, asset_uid), lambda: rejected_columns(connection, asset_uid))


def kept_columns_of(connection: Connection, asset_uids: Collection[str]) -> Mapping[str, RejectedColumns]:
    """Return the columns with rejected cells of some forms, as ``kept_columns`` does.

    :param connection: an open transaction.
    :param asset_uids: the form keys.
    """
    keys = {_key(connection, asset_uid): asset_uid for asset_uid in asset_uids}

    def count(some: Collection[Any]) -> Mapping[Any, RejectedColumns]:
        found = rejected_columns_of(connection, [keys[key] for key in some])
        return {key: found[keys[key]] for key in some}

    return {keys[key]: found for key, found in _columns.get_many(keys, count).items()}


def kept_views_of(connection: Connection, asset_uids: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    """Return which views of forms were changed by hand, as they were a while ago if reading them takes long.

    :param connection: an open transaction.
    :param asset_uids: the form keys.
    """
    key = connection.engine.get_execution_options()[ADDRESS], *sorted(asset_uids)
    return _views.get(key, lambda: altered_views(connection, asset_uids))


def _key(connection: Connection, asset_uid: str) -> tuple[Any, str]:
    return connection.engine.get_execution_options()[ADDRESS], asset_uid


def tables(asset_uid: str, user: access.Viewer) -> schemas.FormTables:
    """Return the tables of a form with their rows, counted now or, if that takes long, a while ago.

    :param asset_uid: the form's uid.
    :param user: who asks, by Airflow's login.
    """
    with reading(access.target_engine()) as connection:
        bound(connection, asset_uid)
        return _tables.get(_key(connection, asset_uid), lambda: _counted(connection, asset_uid))


def _counted(connection: Connection, asset_uid: str) -> schemas.FormTables:
    moment = moment_of(connection)
    return schemas.FormTables(counted_at=moment, tables=_shown(tables_of(connection, asset_uid)))


def _shown(found: Sequence[TableSummary]) -> list[schemas.FormTable]:
    return [schemas.FormTable(**one._asdict()) for one in found]


def cells(
    asset_uid: str, user: access.Viewer, after: Place = None, limit: Limit = CELLS
) -> list[schemas.RejectedCell]:
    """Return answers that their columns cannot hold; the answers only for those who may see them.

    :param asset_uid: the form's uid.
    :param user: who asks, by Airflow's login.
    :param after: only those after this place.
    :param limit: at most so many.
    """
    answers = access.may_see_answers(user)
    with reading(access.target_engine()) as connection:
        bound(connection, asset_uid)
        return cells_of(connection, asset_uid, after, limit, answers=answers)


def cells_of(
    connection: Connection, asset_uid: str, after: str | None, limit: int, *, answers: bool
) -> list[schemas.RejectedCell]:
    """Return answers that their columns cannot hold, as they are shown.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param after: only those after this place.
    :param limit: at most so many.
    :param answers: with the answers.
    """
    found = rejected_cells(
        connection, asset_uid, after=_place(after), limit=limit, shown=SHOWN if answers else 0
    )
    return [_cell(one) for one in found]


def _place(text: str | None) -> CellPlace | None:
    if text is None:
        return None
    kobo_id, _, key_hash = text.rpartition("-")
    return CellPlace(max(-HIGHEST_ID, min(HIGHEST_ID, int(kobo_id))), bytes.fromhex(key_hash))


def _cell(row: RejectedCellRow) -> schemas.RejectedCell:
    return schemas.RejectedCell(**row._asdict() | {"place": f"{row.kobo_id}-{row.place.key_hash.hex()}"})


def seen(connection: Connection, form: BoundForm) -> dict[str, Any]:
    """Return what the page shows of a form's tables. No rows are counted: ``tables`` does that.

    :param connection: an open transaction.
    :param form: whose tables.
    """
    described = described_tables(connection, form.asset_uid)
    return {
        "tables": _shown(described),
        "is_derived": any(one.kind != TableKind.DECLARED for one in described),
        "summary": address(form.server, form.asset_uid),
        "in_kobotoolbox": address(form.server, form.asset_uid, "data/table"),
    }
