"""The states of all mirrors of a database, in a number of statements that does not grow with the forms.

What a state is, and how one is put together, is told in ``overview``; the two are compared by a test.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, func, inspect, select

from kobo_mirror.database.engine import now
from kobo_mirror.errors import SchemaError, tables_are_missing
from kobo_mirror.forms.declared_form import Form
from kobo_mirror.store.catalog import CLAIMED, PART, VIEW
from kobo_mirror.store.catalog_tables import rejected_cells
from kobo_mirror.store.catalog_tables import tables as catalog
from kobo_mirror.store.codes import waiting_lists_of_all
from kobo_mirror.store.dead_letters import letters_waiting_of_all
from kobo_mirror.store.overview import (
    COUNT_CELLS,
    FORM_CELLS,
    LEASE_CELLS,
    MirrorState,
    single_rows,
    state_of,
)
from kobo_mirror.store.plans import open_plans_of_all
from kobo_mirror.store.proofs import last_proofs_of_all
from kobo_mirror.store.refetch_queue import waiting_by_reason_of_all
from kobo_mirror.store.registrations import registrations_of_all
from kobo_mirror.store.rejected_cells import NONE_REJECTED, RejectedColumns, rejected_columns_of
from kobo_mirror.store.shown_runs import notable_runs_of_all
from kobo_mirror.store.tables import forms, leases, server_counts
from kobo_mirror.store.totals import totals_of_all
from kobo_mirror.store.view_catalog import altered_views

_NOTHING: Mapping[str, int] = dict.fromkeys(("applied", "rejected", "deleted"), 0)

ColumnsOf = Callable[[Connection, Collection[str]], Mapping[str, RejectedColumns]]
ViewsOf = Callable[[Connection, Collection[str]], Mapping[str, tuple[str, ...]]]


def read_states(
    connection: Connection,
    form: Form,
    *,
    columns: ColumnsOf = rejected_columns_of,
    views: ViewsOf = altered_views,
) -> dict[str, MirrorState | SchemaError]:
    """Return what ``read_state`` does for each form that is bound, by its key, or why it cannot be read.

    :param connection: an open transaction.
    :param form: the declared form, as this process has it.
    :param columns: reads the columns with rejected cells of those forms that have any.
    :param views: reads which views of forms are missing or changed; thousands of them may take a second.
    :returns: the error of a form whose tables are missing, or whose plan was changed by hand.
    """
    rows = connection.execute(_select_rows()).all()
    described = connection.execute(select(catalog.c.asset_uid, catalog.c.table_name, *_MARKS)).all()
    tables, lacking = _tables_of(described), _lacking(connection, described)
    runs, proofs = notable_runs_of_all(connection), last_proofs_of_all(connection)
    plans, counts = open_plans_of_all(connection), totals_of_all(connection)
    refetch, letters = waiting_by_reason_of_all(connection), letters_waiting_of_all(connection)
    deletes, registrations = waiting_lists_of_all(connection), registrations_of_all(connection)
    rejected = columns(connection, [row.asset_uid for row in rows if row.cells])
    altered = views(connection, [row.asset_uid for row in rows])
    found: dict[str, MirrorState | SchemaError] = {}
    for row in rows:
        key = row.asset_uid
        plan = plans.get(key)
        if missing := lacking.get(key):
            found[key] = tables_are_missing(missing)
        elif isinstance(plan, SchemaError):
            found[key] = plan
        else:
            found[key] = state_of(
                single_rows(
                    form, rows[0].moment, row[3:], tables=tables.get(key, 1), rejected_cells=row.cells
                ),
                runs[key],
                proofs[key],
                open_plan=plan,
                **counts.get(key, _NOTHING),
                refetch=refetch.get(key, {}),
                dead_letters=letters.get(key, 0) + letters.get(None, 0),
                waiting_deletes=deletes.get(key),
                registrations=registrations.get(key, []),
                rejected_columns=rejected.get(key, NONE_REJECTED),
                views_altered=altered.get(key, ()),
            )
    return found


@cache
def _select_rows() -> Select[Any]:
    """Return the statement that reads the tables that have one row a form, made once."""
    key = forms.c.asset_uid
    cells = select(func.count()).where(rejected_cells.c.asset_uid == key).scalar_subquery()
    joined = forms.outerjoin(leases, leases.c.asset_uid == key)
    joined = joined.outerjoin(server_counts, server_counts.c.asset_uid == key)
    told = (*FORM_CELLS, *LEASE_CELLS, *COUNT_CELLS)
    return select(key, now().label("moment"), cells.label("cells"), *told).select_from(joined)


_MARKS = (catalog.c.kind, catalog.c.status)


def _tables_of(described: Sequence[Any]) -> dict[str, int]:
    """Return how many tables each form has, parts apart; one that has no catalog is left out."""
    found: dict[str, int] = {}
    for row in described:
        if row.kind not in (PART, VIEW) and row.status != CLAIMED:
            found[row.asset_uid] = found.get(row.asset_uid, 0) + 1
    return found


def _lacking(connection: Connection, described: Sequence[Any]) -> dict[str, list[str]]:
    """Return the tables that the catalog has and the database lacks, by form."""
    there = set(inspect(connection).get_table_names())
    found: dict[str, list[str]] = {}
    for row in described:
        if row.kind != VIEW and row.status != CLAIMED and row.table_name not in there:
            found.setdefault(row.asset_uid, []).append(row.table_name)
    return {key: sorted(names) for key, names in found.items()}
