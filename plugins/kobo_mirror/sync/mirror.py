"""Sync a mirror in steps: each is safe to retry and returns little enough for an XCom; ``run`` takes all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Engine

from kobo_mirror import errors
from kobo_mirror.config.names_lock import LockedForm
from kobo_mirror.database.engine import read, transact
from kobo_mirror.errors import DeletesWaitError, KoboMirrorError, LeaseError, SchemaError, UnequalError
from kobo_mirror.forms.declared_form import Form
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.forms.wanted import WantedForm
from kobo_mirror.kobo.form import KoboClient
from kobo_mirror.store import lanes, runs
from kobo_mirror.store.leases import Lease, process_holder, release_lease, retake_lease, take_lease
from kobo_mirror.store.mode_names import AUTO
from kobo_mirror.store.retention import FOR_EVER, Retention
from kobo_mirror.store.writer import Writer
from kobo_mirror.sync.chosen import ChosenForm
from kobo_mirror.sync.closing import close
from kobo_mirror.sync.failure_notes import note_error, noting_not_started
from kobo_mirror.sync.form_schema import FormTables
from kobo_mirror.sync.lanes import grouped, most_lanes
from kobo_mirror.sync.lease_keeper import releasing_on_error, renewing
from kobo_mirror.sync.opening import open_lanes_and_note_history, open_or_resume
from kobo_mirror.sync.pull import pull_lanes
from kobo_mirror.sync.reconcile import reconcile
from kobo_mirror.sync.repair import repair
from kobo_mirror.sync.run_handle import RunHandle
from kobo_mirror.sync.run_mode import Exactness, may_read_all, view_of_form
from kobo_mirror.sync.second_process import SecondProcess
from kobo_mirror.sync.source import Progress, Source, no_progress
from kobo_mirror.sync.summary import told_if_archived
from kobo_mirror.sync.verify import Report


class MirrorSync:
    """Brings the mirror of one form up to what the server shows.

    :param client: the form's client.
    :param engine: the database.
    :param form: mirror the form into this declared table alone, as version 0.1 did; None: into the tables
        that its versions need.
    :param wanted: what ``kobo.yml`` asks for those tables; None: nothing.
    :param lock: the names that ``names.lock.yml`` has of the form; None: it has none.
    :param among_others: the form may be a further one of a database that mirrors others.
    :param chosen_at: when the form was chosen: one that was let go since is not synced; None: whenever.
    :param server: the server's address as ``config.server_url`` spells it: part of every row's identity.
    :param keep_payloads: ``rejected`` keeps the JSON of what does not fit, ``all`` that of each submission.
    :param page_size: submissions a page at most.
    :param in_flight: requests at once.
    :param in_flight_in_all: the same of all processes that share the work, if these are more.
    :param exact_up_to: a form with at most so many submissions is swept in every run.
    :param exact_every_hours: a larger one is swept at least once in so many hours.
    :param retention: how long the bookkeeping of earlier runs is kept.
    :param progress: is told how far the sync is.
    """

    def __init__(
        self,
        client: KoboClient,
        engine: Engine,
        *,
        server: str,
        form: Form | None = None,
        wanted: WantedForm | None = None,
        lock: LockedForm | None = None,
        among_others: bool = False,
        chosen_at: datetime | None = None,
        keep_payloads: str = "rejected",
        page_size: int = 1000,
        in_flight: int = 4,
        in_flight_in_all: int = 0,
        exact_up_to: int = 50_000,
        exact_every_hours: int = 24,
        retention: Retention = FOR_EVER,
        progress: Progress = no_progress,
    ) -> None:
        self._engine, self._client, self._asset = engine, client, client.form_key
        wanted = wanted or WantedForm()
        self._tables = FormTables(engine, client, server, wanted, form, lock, among_others, chosen_at)
        self._keep_payloads, self._progress = keep_payloads, progress
        self._page_size, self._in_flight = page_size, in_flight
        self._in_flight_in_all = max(in_flight, in_flight_in_all)
        self._known: Source | None = None
        self._retention, self._is_archived = retention, False
        self._exactness = Exactness(exact_up_to, timedelta(hours=exact_every_hours))

    @classmethod
    def configured(
        cls,
        chosen: ChosenForm,
        client: KoboClient,
        engine: Engine,
        *,
        page_size: int | None = None,
        in_flight: int | None = None,
        schema: str | None = None,
        progress: Progress = no_progress,
    ) -> MirrorSync:
        """Return the sync that the settings and ``kobo.yml`` describe.

        :param chosen: the form, with its settings.
        :param client: the form's client.
        :param engine: the database.
        :param page_size: submissions a page at most; None: as the settings say.
        :param in_flight: requests at once; None: as the settings say.
        :param schema: which changes of tables wait for a person; None: as ``kobo.yml`` says.
        :param progress: is told how far the sync is.
        """
        settings = chosen.settings
        return cls(
            client,
            engine,
            server=settings.kobo_url,
            wanted=chosen.wanted.with_policy(schema),
            lock=chosen.lock,
            among_others=chosen.among_others,
            chosen_at=chosen.chosen_at,
            keep_payloads=settings.kobo_keep_payloads,
            page_size=page_size or settings.kobo_page_size,
            in_flight=in_flight or settings.kobo_max_in_flight,
            in_flight_in_all=settings.kobo_max_in_flight,
            exact_up_to=settings.kobo_exact_up_to,
            exact_every_hours=settings.kobo_exact_every_hours,
            retention=Retention(settings.kobo_keep_history_days, settings.kobo_keep_dead_letters_days),
            progress=progress,
        )

    @property
    def _source(self) -> Source:
        """What the steps work with: the form's tables as ``prepare`` has left them, in any process."""
        return self._known or self._use(self._tables.as_they_are())

    def _use(self, mirror: Mirror) -> Source:
        if not mirror.has_tables:
            raise SchemaError("The form has no tables yet: run `python -m kobo_mirror sync` first.")
        self._known = Source(
            client=self._client,
            engine=self._engine,
            mirror=mirror,
            writer=Writer(self._engine, mirror, self._keep_payloads),
            progress=self._progress,
            page_size=self._page_size,
            in_flight=self._in_flight,
            in_flight_in_all=self._in_flight_in_all,
        )
        return self._known

    def prepare(self, run: str, *, mode: str = AUTO, since: int | None = None) -> RunHandle:
        """Take the lease, make the form's tables, and open a run or resume the one that never finished.

        :param run: the run's name: the same for each attempt of one run.
        :param mode: ``auto``, ``incremental`` (what is new), ``exact`` (also edits and deletes).
        :param since: read everything above this ``_id`` again; None: only what must be read.
        :returns: the run's handle, which the further steps take.
        :raises LeaseError: another sync has the lease.
        :raises SchemaError: the database mirrors another form, and nothing was touched; or tables cannot be
            made.
        :raises DefinitionError: nothing tells which tables a new form needs.
        """
        with noting_not_started(self._engine, run, self._asset, among_others=self._tables.among_others):
            self._tables.check()
            view = view_of_form(self._client)
            self._is_archived = view.form.archived
            self._tables.take_place()
            lease = take_lease(self._engine, self._asset, run)
            with releasing_on_error(self._engine, lease):
                may = may_read_all(self._engine, self._asset, self._exactness, view, mode=mode, since=since)
                source = self._use(self._tables.bring_up(view.form, lease, may_read_all=may))
                return open_or_resume(source, lease, view, self._exactness, asked_for=mode, since=since)

    def plan(self, run_handle: RunHandle, *, groups: int = 1) -> list[list[int]]:
        """Cut what is to be read into lanes, unless an earlier attempt has.

        :param run_handle: what ``prepare`` returned.
        :param groups: how many tasks may share the lanes.
        :returns: the numbers of the lanes to read, in at most so many groups; empty if all are done.
        """
        run_id = run_handle.run_id
        start = read(self._engine, lambda c: runs.run_row(c, run_id)["watermark"]) or 0
        if not transact(self._engine, lambda c: lanes.covering_lanes(c, self._asset, run_id, start)):
            open_lanes_and_note_history(self._source, run_id, start, most_lanes(groups, self._in_flight))
        return grouped(self._lanes(run_id), groups)

    def pull(self, run_handle: RunHandle, lanes: list[int], *, in_flight: int | None = None) -> None:
        """Read lanes to their ends.

        :param run_handle: what ``prepare`` returned.
        :param lanes: the numbers of the lanes, one of the groups of ``plan``.
        :param in_flight: requests at once, where another process shares the work; None: as many as allowed.
        :raises LeaseError: another sync has taken the lease over; nothing that it reads is undone.
        """
        chosen = [lane for lane in self._lanes(run_handle.run_id) if lane.lane in set(lanes)]
        lease = Lease(self._asset, run_handle.run, run_handle.fencing_token)
        with renewing(self._engine, self._client, lease, run_handle.run_id):
            pull_lanes(self._source, lease, run_handle.run_id, chosen, in_flight)

    def reconcile(self, run_handle: RunHandle, *, confirm: str | None = None) -> None:
        """Sweep, if the run is exact, drain the refetch queue, and delete what is proven to be gone.

        A run becomes exact where a part of the history was missed, or where the ledger does not hold as many
        submissions as the server shows. Deletes that wait do not stop the rest: they are noted, and
        ``finish`` raises them.

        :param run_handle: what ``prepare`` returned.
        :param confirm: the code of a waiting list of deletes that a person has confirmed, or None.
        :raises LeaseError: another sync has taken the lease over.
        """
        lease = retake_lease(self._engine, self._asset, run_handle.run)
        transact(self._engine, lambda connection: runs.clear_error(connection, run_handle.run_id))
        with renewing(self._engine, self._client, lease, run_handle.run_id):
            reconcile(self._source, lease, run_handle, confirm)

    def finish(self, run_handle: RunHandle) -> dict[str, Any]:
        """Note that the run has ended, give the lease back, and sum up what was done.

        :param run_handle: what ``prepare`` returned.
        :returns: the run's name, ``mode``, counts, ``seconds`` and a ``sentence``, as ``outcome_of`` does.
        :raises DeletesWaitError: the run ended, but deletes wait to be confirmed.
        :raises UnequalError: the run ended, and yet rows are missing, or no submission fits the form table.
        :raises KoboMirrorError: a lane has not been read to its end.
        """
        return close(self._source, run_handle, self._retention)

    def fail(self, run_handle: RunHandle, error: KoboMirrorError | str) -> None:
        """Note why a run stopped, and give the lease back; the next run goes on where it stopped.

        :param run_handle: what ``prepare`` returned.
        :param error: the error, or a sentence for a person.
        """
        row = read(self._engine, lambda c: runs.run_row(c, run_handle.run_id))
        if row["name"] == run_handle.run:  # else a newer run has resumed it
            note_error(self._engine, run_handle.run_id, error)
        release_lease(self._engine, self._asset, run_handle.run)

    def run(
        self,
        *,
        mode: str = AUTO,
        since: int | None = None,
        confirm: str | None = None,
        name: str = "sync",
        second: SecondProcess | None = None,
    ) -> dict[str, Any]:
        """Take all steps.

        :param mode: as for ``prepare``.
        :param since: as for ``prepare``.
        :param confirm: as for ``reconcile``.
        :param name: what the run is called; the process is added.
        :param second: pulls half of the form; None: this process pulls alone.
        :returns: as ``finish`` does.
        :raises KoboMirrorError: a step failed; what it committed stays, the next run goes on from there.
        """
        run_handle = self.prepare(process_holder(name), mode=mode, since=since)
        try:
            share = second and partial(second.share, self.pull, self._progress, self._in_flight)
            for lanes in self.plan(run_handle):
                (share or self.pull)(run_handle, lanes)
            self.reconcile(run_handle, confirm=confirm)
            return told_if_archived(self.finish(run_handle), archived=self._is_archived)
        except (LeaseError, DeletesWaitError, UnequalError):
            raise
        except Exception as error:
            self.fail(run_handle, error if isinstance(error, KoboMirrorError) else errors.unforeseen(error))
            raise
        except BaseException:
            release_lease(self._engine, self._asset, run_handle.run)
            raise

    def repair(self, report: Report, *, confirm: str | None = None) -> None:
        """Write the submissions that a proof found to differ anew, as the server shows them.

        :param report: what the proof found.
        :param confirm: as for ``reconcile``.
        :raises LeaseError: a sync has the lease.
        :raises DeletesWaitError: deletes wait to be confirmed, of these or of others; all else was done.
        """
        differing = {kobo_id for ids in report.differing.values() for kobo_id in ids}
        self.ask_again(sorted(differing), confirm=confirm)

    def ask_again(self, ids: Sequence[int], *, confirm: str | None = None) -> None:
        """Write some submissions anew, as the server shows them, whatever is stored.

        :param ids: the ``_id`` of each submission.
        :param confirm: as for ``reconcile``.
        :raises LeaseError: a sync has the lease.
        :raises DeletesWaitError: deletes wait to be confirmed, of these or of others; all else was done.
        """
        repair(self._source, ids, confirm)

    def _lanes(self, run_id: int) -> list[lanes.Lane]:
        return read(self._engine, lambda c: lanes.lanes(c, self._asset, run_id))
