"""The sync as steps: each safe to retry, each returning little enough for an XCom; ``run`` does all."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import Engine, RowMapping

from kobo_mirror.config.settings import Settings
from kobo_mirror.database.engine import reading, transact
from kobo_mirror.errors import DatabaseError, DeletesWaitError, KoboMirrorError, LeaseError, UnequalError
from kobo_mirror.forms.declared import FORM
from kobo_mirror.forms.schema import Form, Mirror
from kobo_mirror.kobo.form import KoboClient
from kobo_mirror.store import lanes, runs
from kobo_mirror.store.leases import Lease, process_holder, release_lease, retake_lease, take_lease
from kobo_mirror.store.ledger import rejections
from kobo_mirror.store.retention import FOR_EVER, Retention, forget
from kobo_mirror.store.row_counts import count_rows
from kobo_mirror.store.run_modes import AUTO, EXACT
from kobo_mirror.store.schema import bind, check_binding
from kobo_mirror.store.totals import counted_by_server, totals
from kobo_mirror.store.writer import Writer
from kobo_mirror.sync.completeness import holds_all, missed_history
from kobo_mirror.sync.drain import drain_roots, enqueue_young
from kobo_mirror.sync.failed_deliveries import enqueue_failed_deliveries
from kobo_mirror.sync.lease_keeper import holding, note_error, noting_not_started, releasing_on_error
from kobo_mirror.sync.look_back import look_back, plan_from_end_of_history
from kobo_mirror.sync.opening import open_or_resume
from kobo_mirror.sync.pull import Progress, Source, pull_lanes, silent
from kobo_mirror.sync.repair import ask_again
from kobo_mirror.sync.run_handle import RunHandle
from kobo_mirror.sync.run_mode import Exactness, view_of_form
from kobo_mirror.sync.settle import settle
from kobo_mirror.sync.summary import close_run, outcome_of, unequal
from kobo_mirror.sync.sweep import sweep
from kobo_mirror.sync.verify import Report

_LANES_A_GROUP = 4


class MirrorSync:
    """Brings the mirror of one form up to the server.

    :param server: the server's address as ``config.server_url`` spells it: part of every row's identity.
    :param in_flight_in_all: requests at once of all tasks that share the work, if they are more.
    :param exact_up_to: forms of so many submissions are swept in every run, larger ones at least each
        ``exact_every_hours``.
    :param retention: how long the bookkeeping of earlier runs is kept.
    """

    def __init__(
        self,
        client: KoboClient,
        engine: Engine,
        *,
        form: Form,
        server: str,
        keep_payloads: str = "rejected",
        page_size: int = 1000,
        in_flight: int = 4,
        in_flight_in_all: int = 0,
        exact_up_to: int = 50_000,
        exact_every_hours: int = 24,
        retention: Retention = FOR_EVER,
        progress: Progress = silent,
    ) -> None:
        mirror = Mirror(form, server, client.asset_uid)
        self._source = Source(
            client=client,
            engine=engine,
            mirror=mirror,
            writer=Writer(engine, mirror, keep_payloads),
            progress=progress,
            page_size=page_size,
            in_flight=in_flight,
            in_flight_in_all=max(in_flight, in_flight_in_all),
        )
        self._engine, self._client, self._asset = engine, client, client.asset_uid
        self._retention = retention
        self._exactness = Exactness(exact_up_to, timedelta(hours=exact_every_hours))

    @classmethod
    def configured(
        cls,
        settings: Settings,
        client: KoboClient,
        engine: Engine,
        *,
        page_size: int | None = None,
        in_flight: int | None = None,
        progress: Progress = silent,
    ) -> MirrorSync:
        """The sync that the settings describe; what is given beside them goes before them."""
        return cls(
            client,
            engine,
            form=FORM,
            server=settings.kobo_url,
            keep_payloads=settings.kobo_keep_payloads,
            page_size=page_size or settings.kobo_page_size,
            in_flight=in_flight or settings.kobo_max_in_flight,
            in_flight_in_all=settings.kobo_max_in_flight,
            exact_up_to=settings.kobo_exact_up_to,
            exact_every_hours=settings.kobo_exact_every_hours,
            retention=Retention(settings.kobo_keep_history_days, settings.kobo_keep_dead_letters_days),
            progress=progress,
        )

    def prepare(self, run: str, *, mode: str = AUTO, since: int | None = None) -> RunHandle:
        """Bind the form table, take the lease, open the run or go on with the one that never finished.

        :param run: the run's name: the same for each attempt of one run.
        :param mode: ``auto``, ``incremental`` (what is new), ``exact`` (also edits and deletes).
        :param since: read everything above this ``_id`` again; what a run reads anyway is not left out.
        :raises LeaseError: another sync holds this form.
        :raises SchemaError: the form table mirrors another form; nothing was touched.
        """
        with noting_not_started(self._engine, self._source.mirror, run):
            check_binding(self._engine, self._source.mirror, empty_will_do=True)
            view = view_of_form(self._client)
            bind(self._engine, self._source.mirror, empty_will_do=True)
            lease = take_lease(self._engine, self._asset, run)
            with releasing_on_error(self._engine, lease):
                return open_or_resume(self._source, lease, view, self._exactness, asked_for=mode, since=since)

    def plan(self, run_handle: RunHandle, *, groups: int = 1) -> list[list[int]]:
        """Cut what is to be read into lanes; returns them in at most ``groups`` groups."""
        run_id = run_handle.run_id
        with reading(self._engine) as connection:
            start = runs.run_row(connection, run_id)["watermark"] or 0
        if not transact(self._engine, lambda c: lanes.covering_lanes(c, self._asset, run_id, start)):
            with reading(self._engine) as connection:
                total = None if start else counted_by_server(connection, self._asset)
            most = max(_LANES_A_GROUP * groups, self._source.in_flight)
            plan_from_end_of_history(self._source, run_id, start, most, total)
        waiting = [lane.lane for lane in self._lanes(run_id) if not lane.done]
        used = max(1, min(groups, len(waiting) // _LANES_A_GROUP))
        return [group for group in (waiting[number::used] for number in range(used)) if group]

    def pull(self, run_handle: RunHandle, lanes: list[int]) -> None:
        """Read the given lanes to their ends."""
        chosen = [lane for lane in self._lanes(run_handle.run_id) if lane.lane in set(lanes)]
        lease = Lease(self._asset, run_handle.run, run_handle.fencing_token)
        with holding(self._engine, self._client, lease, run_handle.run_id):
            pull_lanes(self._source, lease, run_handle.run_id, chosen)

    def reconcile(self, run_handle: RunHandle, *, confirm: str | None = None) -> None:
        """Sweep, if the run is exact, drain the fetch list, and delete what is proven to be gone.

        A run becomes exact where a part of the history was missed, or where the ledger does not hold as many
        submissions as the server shows. What forbids a delete does not stop the rest: it is noted, and
        ``finish`` raises it.

        :param confirm: the code of a waiting list of deletes that a person has confirmed.
        """
        lease = retake_lease(self._engine, self._asset, run_handle.run)
        transact(self._engine, lambda connection: runs.clear_error(connection, run_handle.run_id))
        with holding(self._engine, self._client, lease, run_handle.run_id):
            exact = run_handle.mode == EXACT
            enqueue_failed_deliveries(self._source, lease)
            look_back(self._source, lease, run_handle.run_id)
            exact = exact or missed_history(self._source, run_handle.run_id)
            # A sweep asks for none of it again.
            drain_roots(self._source, lease, run_handle.run_id, sweeps=exact)
            if exact:
                self._sweep(lease, run_handle)
            try:
                settle(self._source, lease, run_handle.run_id, confirm, exact=exact)
                if not holds_all(self._source, run_handle.run_id):
                    self._sweep(lease, run_handle, anew=True)
                    settle(self._source, lease, run_handle.run_id, None, exact=True)
            except DeletesWaitError as waiting:
                note_error(self._engine, run_handle.run_id, waiting)

    def _sweep(self, lease: Lease, run_handle: RunHandle, *, anew: bool = False) -> None:
        sweep(self._source, lease, run_handle.run_id, anew=anew)
        enqueue_young(self._source, lease, run_handle.run_id, resumed=run_handle.resumed)

    def finish(self, run_handle: RunHandle) -> dict[str, Any]:
        """Note that the run has ended, give the lease back, and tell what was done.

        :raises DeletesWaitError: the run ended, but deletes wait for a person's word.
        :raises UnequalError: the run ended, and yet rows are missing, or no submission fits the form table.
        :raises KoboMirrorError: a lane has not been read to its end.
        """
        run_id, form = run_handle.run_id, self._source.mirror.form
        with reading(self._engine) as connection:
            row = runs.run_row(connection, run_id)
            held = totals(connection, self._asset)
            reasons = rejections(connection, self._asset, 1)
            difference = count_rows(connection, self._source.mirror).difference
        error = unequal(form, difference, held, reasons)
        if row["finished_at"] is None:  # else this is another attempt of a task that died after the commit
            retake_lease(self._engine, self._asset, run_handle.run)
            self._require_read_and_reconciled(row)
            transact(self._engine, partial(close_run, form, row, difference, error))
            with suppress(DatabaseError):  # what it leaves goes after the next run
                forget(self._engine, self._asset, self._retention)
        with reading(self._engine) as connection:
            row = runs.run_row(connection, run_id)
            exact = runs.last_finished(connection, self._asset, EXACT)
        release_lease(self._engine, self._asset, run_handle.run)
        if row["failure"] == DeletesWaitError.__name__:
            raise DeletesWaitError(row["error"])
        if error:
            raise error
        last_exact = exact["finished_at"] if exact and row["mode"] != EXACT else None
        return {"run": run_handle.run, **outcome_of(row, held, last_exact)}

    def _require_read_and_reconciled(self, run: RowMapping) -> None:
        if run["count_difference"] is None or any(not lane.done for lane in self._lanes(run["id"])):
            raise KoboMirrorError(
                "Not everything was read and compared: start the sync again, it goes on where it stopped."
            )

    def fail(self, run_handle: RunHandle, error: KoboMirrorError | str) -> None:
        """Note why a run stopped, and give the lease back; the next run goes on where it stopped."""
        with reading(self._engine) as connection:
            row = runs.run_row(connection, run_handle.run_id)
        if row["name"] == run_handle.run:  # else a newer run has taken it up
            note_error(self._engine, run_handle.run_id, error)
        release_lease(self._engine, self._asset, run_handle.run)

    def run(
        self,
        *,
        mode: str = AUTO,
        since: int | None = None,
        confirm: str | None = None,
        name: str = "sync",
    ) -> dict[str, Any]:
        """Take all steps.

        :raises KoboMirrorError: a step failed; what it committed stays, the next run goes on from there.
        """
        run_handle = self.prepare(process_holder(name), mode=mode, since=since)
        try:
            for lanes in self.plan(run_handle):
                self.pull(run_handle, lanes)
            self.reconcile(run_handle, confirm=confirm)
            return self.finish(run_handle)
        except (LeaseError, DeletesWaitError, UnequalError):
            raise
        except KoboMirrorError as error:
            self.fail(run_handle, error)
            raise
        except Exception as error:
            self.fail(run_handle, f"It ended by an error that was not foreseen: {type(error).__name__}.")
            raise
        except BaseException:
            release_lease(self._engine, self._asset, run_handle.run)
            raise

    def repair(self, report: Report, *, confirm: str | None = None) -> None:
        """Mend what a proof found: forget what is held of those submissions, ask for them, write them anew.

        :raises LeaseError: a sync holds this form.
        :raises DeletesWaitError: deletes wait for a person's word, of these or of others; all else was done.
        """
        self.ask_again(
            sorted({kobo_id for kind in report.differing.values() for kobo_id in kind}), confirm=confirm
        )

    def ask_again(self, ids: Sequence[int], *, confirm: str | None = None) -> None:
        """Believe nothing of what is held of these submissions; bring in what the server shows.

        :raises LeaseError: a sync holds this form.
        :raises DeletesWaitError: deletes wait for a person's word, of these or of others; all else was done.
        """
        ask_again(self._source, ids, confirm)

    def _lanes(self, run_id: int) -> list[lanes.Lane]:
        with reading(self._engine) as connection:
            return lanes.lanes(connection, self._asset, run_id)
