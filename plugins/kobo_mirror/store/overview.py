"""The state of a mirror: the one read model of ``status``, the page and ``/metrics``.

``read_state`` reads it in one transaction, by keys alone: neither the ledger nor the form table is walked.
Whether that is good or bad is judged in ``lights``; lists that are shown in pages are in ``listings``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, String, bindparam, func, select

from kobo_mirror.database.engine import now
from kobo_mirror.forms.declared_form import Form
from kobo_mirror.store.bindings import Epochs
from kobo_mirror.store.catalog import CLAIMED, PART, VIEW
from kobo_mirror.store.catalog_tables import rejected_cells
from kobo_mirror.store.catalog_tables import tables as catalog
from kobo_mirror.store.codes import WaitingList, waiting_list
from kobo_mirror.store.dead_letters import letters_waiting
from kobo_mirror.store.plans import StoredPlan, open_plan
from kobo_mirror.store.proofs import Proof, last_proofs
from kobo_mirror.store.refetch_queue import FAILED_DELIVERY, UNREADABLE, waiting_by_reason
from kobo_mirror.store.registrations import Registration, registrations_of
from kobo_mirror.store.rejected_cells import NONE_REJECTED, RejectedColumns, rejected_columns
from kobo_mirror.store.shown_runs import Run, notable_runs
from kobo_mirror.store.tables import forms, leases, server_counts
from kobo_mirror.store.totals import totals


class ServerCount(NamedTuple):
    """How many submissions the server had, and when that was true (UTC)."""

    submissions: int
    at: datetime


@dataclass(frozen=True, kw_only=True)
class MirrorState:
    """What the database knows of one form's mirror at one moment. All times are UTC.

    :param moment: when it was read, by the database's clock.
    :param newest_sync: the newest run that was to read the form, also one that failed before it began.
    :param last_finished: the last one that read all it set out to read; ``last_good`` the last of these
        without an error, ``last_good_exact`` the last exact one of those.
    :param unfinished: a run that never finished; the next one continues it.
    :param failed_verification: the newest verification that could not compare.
    :param history_gap: when the last run finished that missed a part of the server's history.
    :param proof: the newest proof; ``full_proof`` the newest one that compared every answer.
    :param must_read_all: rows must be written anew: another epoch or another declaration of the form table.
    :param open_plan: the plan of a change of its tables that was not applied yet.
    :param tables_refused: why the database refuses a change of its tables; empty: it does not.
    :param tables_altered: which columns are of another type than they were made; empty: none.
    :param versions_unread: its versions could not be read when they were asked for last.
    :param tables_unfinished: a change of its tables has not been finished.
    :param views_refused: why the database refuses a view; empty: it does not.
    :param views_due: views are not there as they are to be.
    :param applied: submissions that are rows of the form table; ``rejected`` and ``deleted`` those that are
        not.
    :param counted: what the server counted when a sync last asked.
    :param refetch: how many submissions are to be asked for again, by reason.
    :param dead_letters: how many of the form, or of no form that is known, wait for a replay.
    :param waiting_deletes: the newest list of deletes that waits for a confirmation.
    :param registrations: where the server posts new submissions to.
    :param lease_holder: the run that holds the form now.
    :param tables: how many tables the form has, parts apart.
    :param rejected_cells: how many answers their columns cannot hold; ``rejected_columns``: of which columns.
    """

    moment: datetime
    newest_sync: Run | None = None
    last_finished: Run | None = None
    last_good: Run | None = None
    last_good_exact: Run | None = None
    unfinished: Run | None = None
    failed_verification: Run | None = None
    history_gap: datetime | None = None
    proof: Proof | None = None
    full_proof: Proof | None = None
    must_read_all: bool = False
    open_plan: StoredPlan | None = None
    tables_refused: str = ""
    tables_altered: str = ""
    versions_unread: bool = False
    tables_unfinished: bool = False
    views_refused: str = ""
    views_due: bool = False
    applied: int = 0
    rejected: int = 0
    deleted: int = 0
    counted: ServerCount | None = None
    refetch: Mapping[str, int] = field(default_factory=dict)
    dead_letters: int = 0
    waiting_deletes: WaitingList | None = None
    registrations: Sequence[Registration] = ()
    lease_holder: str | None = None
    tables: int = 0
    rejected_cells: int = 0
    rejected_columns: RejectedColumns = NONE_REJECTED

    @property
    def to_fetch(self) -> int:
        """How many submissions are to be asked for again."""
        return sum(self.refetch.values())

    @property
    def failed_deliveries(self) -> int:
        """How many of these since their delivery to the webhook failed."""
        return self.refetch.get(FAILED_DELIVERY, 0)

    @property
    def unreadable(self) -> int:
        """How many submissions the server shows and could not send to the last sync, or the last proof."""
        waiting = self.refetch.get(UNREADABLE, 0)
        return max(waiting, self.proof.unreadable) if self.proof else waiting

    @property
    def on_server(self) -> ServerCount | None:
        """What the server had when a sync or a proof last counted, or None."""
        proof, counted = self.proof, self.counted
        if proof is None or (counted is not None and counted.at >= proof.finished_at):
            return counted
        return ServerCount(proof.compared + proof.unreadable, proof.finished_at)

    @property
    def verification_failure(self) -> Run | None:
        """The newest verification that could not compare, unless a proof was made after it."""
        failed, proof = self.failed_verification, self.proof
        is_newer = failed is not None and (proof is None or proof.finished_at < failed.started_at)
        return failed if is_newer else None


def read_state(
    connection: Connection,
    form: Form,
    asset_uid: str,
    *,
    columns: Callable[[Connection, str], RejectedColumns] | None = rejected_columns,
) -> MirrorState:
    """Return the state of a form's mirror.

    :param connection: an open transaction. At READ COMMITTED what is committed meanwhile may be in a part of
        the state only.
    :param form: the declared form, as this process has it.
    :param asset_uid: the form's uid; it may not be bound yet.
    :param columns: reads the columns with rejected cells, where there are any, which may take a second; None:
        they are left out, and with them what they have against the light.
    :raises DatabaseError, SchemaError: by ``reading``: the database does not answer, or lacks our tables.
    """
    runs = notable_runs(connection, asset_uid)
    gap, pull = runs.last_history_gap, runs.newest_pull
    proofs = last_proofs(connection, asset_uid)
    row = _row_of(connection, form, asset_uid)
    return MirrorState(
        moment=row.moment,
        newest_sync=runs.newest_sync,
        last_finished=runs.last_finished,
        last_good=runs.last_good,
        last_good_exact=runs.last_good_exact,
        unfinished=pull if pull is not None and pull.finished_at is None else None,
        failed_verification=runs.failed_verification,
        history_gap=gap.finished_at if gap else None,
        proof=proofs.newest,
        full_proof=proofs.full,
        must_read_all=row.must_read_all,
        open_plan=open_plan(connection, asset_uid),
        tables_refused=row.tables_refused,
        tables_altered=row.tables_altered,
        versions_unread=row.versions_unread,
        tables_unfinished=row.tables_unfinished,
        views_refused=row.views_refused,
        views_due=row.views_due,
        **totals(connection, asset_uid),
        counted=row.counted,
        refetch=waiting_by_reason(connection, asset_uid),
        dead_letters=letters_waiting(connection, asset_uid),
        waiting_deletes=waiting_list(connection, asset_uid),
        registrations=registrations_of(connection, asset_uid),
        lease_holder=row.lease_holder,
        tables=row.tables,
        rejected_cells=row.rejected_cells,
        rejected_columns=columns(connection, asset_uid) if columns and row.rejected_cells else NONE_REJECTED,
    )


class _SingleRows(NamedTuple):
    """What tables say that have one row a form."""

    moment: datetime
    must_read_all: bool
    tables_refused: str
    tables_altered: str
    versions_unread: bool
    tables_unfinished: bool
    views_refused: str
    views_due: bool
    counted: ServerCount | None
    lease_holder: str | None
    tables: int
    rejected_cells: int


def _row_of(connection: Connection, form: Form, asset_uid: str) -> _SingleRows:
    """Read the clock and the tables that have one row a form in one statement."""
    row = connection.execute(_select_single_rows(), {"asset_uid": asset_uid}).one()
    moment, table, epoch, epoch_read, fingerprint, *versions, holder, submissions, counted_at = row[:-3]
    refused, altered, is_unread, is_unfinished, views_refused, are_views_due = versions
    described, rows, cells = row[-3:]
    is_bound, is_declared = table is not None, table == form.table
    return _SingleRows(
        moment=moment,
        must_read_all=is_bound
        and (Epochs(epoch, epoch_read).must_read_all or (is_declared and fingerprint != form.fingerprint)),
        counted=ServerCount(submissions, counted_at) if counted_at is not None else None,
        tables_refused=refused or "",
        tables_altered=altered or "",
        versions_unread=bool(is_unread),
        tables_unfinished=bool(is_unfinished),
        views_refused=views_refused or "",
        views_due=bool(are_views_due),
        lease_holder=holder,
        tables=described or rows,
        rejected_cells=cells,
    )


@cache
def _select_single_rows() -> Select[Any]:
    """Return the statement of ``_row_of``, made once; a cell is NULL where there is no row of the form."""
    asset_uid = bindparam("asset_uid", type_=String)
    form, lease, count = forms.c, leases.c, server_counts.c
    by_key: dict[ColumnElement[bool], tuple[ColumnElement[Any], ...]] = {
        form.asset_uid == asset_uid: (
            form.form_table,
            form.epoch,
            form.epoch_read,
            form.fingerprint,
            form.tables_error,
            form.tables_altered,
            form.versions_error.is_not(None),
            form.intended_schema.is_not(None) | form.paths_to_promote.is_not(None),
            form.views_error,
            form.schema.is_not(None) & form.views_fingerprint.is_(None),
        ),
        lease.asset_uid == asset_uid: (lease.holder,),
        count.asset_uid == asset_uid: (count.submissions, count.counted_at),
    }
    cells = (select(column).where(key) for key, columns in by_key.items() for column in columns)
    mine = (
        (catalog.c.asset_uid == asset_uid)
        & catalog.c.kind.not_in((PART, VIEW))
        & (catalog.c.status != CLAIMED)
    )
    counts = (
        select(func.count()).select_from(catalog).where(mine),
        select(func.count()).where(form.asset_uid == asset_uid),
        select(func.count()).where(rejected_cells.c.asset_uid == asset_uid),
    )
    return select(now(), *(query.scalar_subquery() for query in (*cells, *counts)))
