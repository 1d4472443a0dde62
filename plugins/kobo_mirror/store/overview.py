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

from kobo_mirror.config.schedules import NO_SCHEDULES, Schedules
from kobo_mirror.database.engine import now
from kobo_mirror.forms.declared_form import Form
from kobo_mirror.store.bindings import Epochs
from kobo_mirror.store.catalog import CLAIMED, PART, VIEW
from kobo_mirror.store.catalog_tables import rejected_cells
from kobo_mirror.store.catalog_tables import tables as catalog
from kobo_mirror.store.codes import WaitingList, waiting_list
from kobo_mirror.store.dead_letters import letters_waiting
from kobo_mirror.store.plans import StoredPlan, open_plan
from kobo_mirror.store.proofs import LastProofs, Proof, last_proofs
from kobo_mirror.store.refetch_queue import FAILED_DELIVERY, UNREADABLE, waiting_by_reason
from kobo_mirror.store.registrations import Registration, registrations_of
from kobo_mirror.store.rejected_cells import NONE_REJECTED, RejectedColumns, rejected_columns
from kobo_mirror.store.shown_runs import NotableRuns, Run, notable_runs
from kobo_mirror.store.tables import forms, leases, server_counts
from kobo_mirror.store.totals import totals
from kobo_mirror.store.view_catalog import altered_views


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
    :param views_altered: the views that were dropped or changed by hand.
    :param is_let_go: the form is mirrored no longer; its tables stay.
    :param applied: submissions that are rows of the form table; ``rejected``, ``deleted``: that are not.
    :param counted: what the server counted when a sync last asked.
    :param refetch: how many submissions are to be asked for again, by reason.
    :param dead_letters: how many of the form, or of no form that is known, wait for a replay.
    :param waiting_deletes: the newest list of deletes that waits for a confirmation.
    :param registrations: where the server posts new submissions to.
    :param lease_holder: the run that holds the form now.
    :param tables: how many tables the form has, parts apart.
    :param rejected_cells: how many answers their columns cannot hold; ``rejected_columns``: of which columns.
    :param schedules: when Airflow reads the form, as the last sync found it in ``kobo.yml``.
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
    views_altered: tuple[str, ...] = ()
    is_let_go: bool = False
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
    schedules: Schedules = NO_SCHEDULES

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

    :param connection: an open transaction. At READ COMMITTED a part of the state may be newer than the rest.
    :param form: the declared form, as this process has it.
    :param asset_uid: the form's uid; it may not be bound yet.
    :param columns: reads the columns with rejected cells, where there are any, which may take a second; None:
        they are left out, the views are not looked at, and so the light is not to be judged.
    :raises DatabaseError, SchemaError: by ``reading``: the database does not answer, or lacks our tables.
    """
    row = _row_of(connection, form, asset_uid)
    has_columns = columns is not None and row.rejected_cells
    return state_of(
        row,
        notable_runs(connection, asset_uid),
        last_proofs(connection, asset_uid),
        open_plan=open_plan(connection, asset_uid),
        **totals(connection, asset_uid),
        refetch=waiting_by_reason(connection, asset_uid),
        dead_letters=letters_waiting(connection, asset_uid),
        waiting_deletes=waiting_list(connection, asset_uid),
        registrations=registrations_of(connection, asset_uid),
        rejected_columns=columns(connection, asset_uid) if columns and has_columns else NONE_REJECTED,
        views_altered=altered_views(connection, [asset_uid]).get(asset_uid, ()) if columns else (),
    )


def state_of(row: SingleRows, runs: NotableRuns, proofs: LastProofs, **further: Any) -> MirrorState:
    """Return the state of a mirror of which all is read.

    :param row: what tables say that have one row a form.
    :param runs: those that tell how it stands.
    :param proofs: the last ones.
    :param further: fields of ``MirrorState`` that are none of these.
    """
    gap, pull = runs.last_history_gap, runs.newest_pull
    return MirrorState(
        **row._asdict(),
        newest_sync=runs.newest_sync,
        last_finished=runs.last_finished,
        last_good=runs.last_good,
        last_good_exact=runs.last_good_exact,
        unfinished=pull if pull is not None and pull.finished_at is None else None,
        failed_verification=runs.failed_verification,
        history_gap=gap.finished_at if gap else None,
        proof=proofs.newest,
        full_proof=proofs.full,
        **further,
    )


class SingleRows(NamedTuple):
    """What tables say that have one row a form."""

    moment: datetime
    must_read_all: bool
    tables_refused: str
    tables_altered: str
    versions_unread: bool
    tables_unfinished: bool
    views_refused: str
    views_due: bool
    is_let_go: bool
    counted: ServerCount | None
    lease_holder: str | None
    tables: int
    rejected_cells: int
    schedules: Schedules


def _row_of(connection: Connection, form: Form, asset_uid: str) -> SingleRows:
    """Read the clock and the tables that have one row a form in one statement."""
    moment, *cells, described, rows, rejected = connection.execute(
        _select_single_rows(), {"asset_uid": asset_uid}
    ).one()
    return single_rows(form, moment, cells, tables=described or rows, rejected_cells=rejected)


def single_rows(
    form: Form, moment: datetime, cells: Sequence[Any], *, tables: int, rejected_cells: int
) -> SingleRows:
    """Return what tables say that have one row a form.

    :param form: the declared form, as this process has it.
    :param moment: the database's clock (UTC).
    :param cells: of ``FORM_CELLS``, ``LEASE_CELLS`` and ``COUNT_CELLS``; None where there is no row.
    :param tables: how many tables the form has.
    :param rejected_cells: how many it has.
    """
    table, epoch, epoch_read, fingerprint, *versions, holder, submissions, counted_at = cells
    refused, altered, is_unread, is_unfinished, views_refused, are_views_due, rounds, own, is_let_go = (
        versions
    )
    is_bound, is_declared = table is not None, table == form.table
    return SingleRows(
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
        is_let_go=bool(is_let_go),
        lease_holder=holder,
        tables=tables,
        rejected_cells=rejected_cells,
        schedules=Schedules(rounds or "", own or ""),
    )


_F, _COUNT = forms.c, server_counts.c
FORM_CELLS: tuple[ColumnElement[Any], ...] = (
    _F.form_table,
    _F.epoch,
    _F.epoch_read,
    _F.fingerprint,
    _F.tables_error,
    _F.tables_altered,
    _F.versions_error.is_not(None),
    _F.intended_schema.is_not(None) | _F.paths_to_promote.is_not(None),
    _F.views_error,
    _F.schema.is_not(None) & _F.views_fingerprint.is_(None),
    _F.round_schedule,
    _F.own_schedule,
    _F.let_go_at.is_not(None),
)
LEASE_CELLS: tuple[ColumnElement[Any], ...] = (leases.c.holder,)
COUNT_CELLS: tuple[ColumnElement[Any], ...] = (_COUNT.submissions, _COUNT.counted_at)
IS_DESCRIBED = catalog.c.kind.not_in((PART, VIEW)) & (catalog.c.status != CLAIMED)
"""The tables of the catalog that count as tables of their forms."""


@cache
def _select_single_rows() -> Select[Any]:
    """Return the statement of ``_row_of``, made once; a cell is NULL where there is no row of the form."""
    asset_uid = bindparam("asset_uid", type_=String)
    by_key: dict[ColumnElement[bool], tuple[ColumnElement[Any], ...]] = {
        _F.asset_uid == asset_uid: FORM_CELLS,
        leases.c.asset_uid == asset_uid: LEASE_CELLS,
        _COUNT.asset_uid == asset_uid: COUNT_CELLS,
    }
    cells = (select(column).where(key) for key, columns in by_key.items() for column in columns)
    counts = (
        select(func.count()).select_from(catalog).where(catalog.c.asset_uid == asset_uid, IS_DESCRIBED),
        select(func.count()).where(_F.asset_uid == asset_uid),
        select(func.count()).where(rejected_cells.c.asset_uid == asset_uid),
    )
    return select(now(), *(query.scalar_subquery() for query in (*cells, *counts)))
