"""The mirror's side of a history: what is run against it, and what must hold after every step."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Engine, event, func, select

from kobo_mirror.database.engine import open_engine
from kobo_mirror.errors import DeletesWaitError, KoboMirrorError, UnequalError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.declared_form import Column, Kind
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.kobo.form import open_form
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import checkpoints, form_table, rejections, submissions, sync_runs
from kobo_mirror.store.tombstones import NEVER_STORED
from kobo_mirror.store.totals import totals
from kobo_mirror.store.writer import Writer
from kobo_mirror.sync.mirror import MirrorSync
from kobo_mirror.sync.run_handle import RunHandle
from kobo_mirror.sync.verify import Report, verify
from tests.support.crashes import Crash, CrashPoint
from tests.support.mirrored_server import code_of, empty
from tests.support.passing_time import pass_time

DONE, FAILED, CUT, WAITING, UNEQUAL = "done", "failed", "cut", "deletes wait", "none fits"


class Held(NamedTuple):
    """What the database holds: rows of the form table, and the ledger's tombstones with their moments."""

    rows: dict[int, dict[str, Any]]
    applied: set[int]
    tombstones: dict[int, datetime]


class ObservedMirror:
    """A mirror in one database: a process that syncs, another one that does, and one that takes deliveries.

    :param shown: the ids that the server shows at this moment.
    """

    def __init__(
        self, url: str, token: str, asset: str, database_url: str, shown: Callable[[], list[int]]
    ) -> None:
        self._shown = shown
        self.syncing, self.other, self.pushing = (open_engine(database_url, pool_size=4) for _ in range(3))
        for engine in (self.syncing, self.other, self.pushing):
            event.listen(engine, "connect", _hurry)
        self._crash_points = {engine: CrashPoint(engine) for engine in (self.syncing, self.pushing)}
        self._mirror = Mirror(KOBO_RECORDS, url, asset)
        self._table = form_table(KOBO_RECORDS)
        self._writer = Writer(self.pushing, self._mirror)
        self._client, self._other_client = (
            open_form(url, token, asset, attempts=2, timeout=(20, 60), sleep=lambda seconds: None)
            for _ in range(2)  # the other process may sync within a request of this one
        )
        migrate(self.syncing, KOBO_RECORDS)

    def close(self) -> None:
        """Close every connection."""
        for client in (self._client, self._other_client):
            client.close()
        for engine in (self.syncing, self.other, self.pushing):
            engine.dispose()

    def begin(self, page_size: int) -> None:
        """Empty the database, and let it mirror the form: else a delivery could not be written yet."""
        self._page_size = page_size
        self.mark: str | None = None
        self.error = ""
        self._first: dict[int, tuple[bytes, datetime]] = {}
        empty(self.other)
        bind(self.other, self._mirror)
        self._held = self._read()

    def deliver(self, body: bytes, *, cut: int | None = None) -> str:
        """Take a delivery, or crash after ``cut`` statements of it."""
        return self._attempt(lambda: self._writer.push(body).result, self.pushing, cut)

    def sync(self, mode: str, *, cut: int | None = None, confirm: str | None = None) -> str:
        """Run a sync, or crash after ``cut`` statements of it."""
        return self._attempt(lambda: self._run(self.syncing, mode, confirm), self.syncing, cut)

    def sync_elsewhere(self, mode: str) -> str:
        """Run a sync in another process, which takes the form over from one that it believes to be dead."""
        return self._attempt(lambda: self._run(self.other, mode, None), self.other, None)

    def sync_in_steps(self, mode: str, name: str, *, cut_step: int, cut: int | None) -> str:
        """Run a sync as Airflow does: each step by itself, and once more if it failed.

        :param cut_step: the step whose first attempt crashes after ``cut`` statements.
        """
        handed_on: dict[str, Any] = {}

        def pull() -> None:
            run_handle = RunHandle.from_json(handed_on)
            for group in self._sync(self.syncing).plan(run_handle, groups=2):
                self._sync(self.syncing).pull(run_handle, group)

        steps: tuple[Callable[[], Any], ...] = (
            lambda: handed_on.update(self._sync(self.syncing).prepare(name, mode=mode).to_json()),
            pull,
            lambda: self._sync(self.syncing).reconcile(RunHandle.from_json(handed_on)),
            lambda: self._sync(self.syncing).finish(RunHandle.from_json(handed_on)),
        )
        for number, step in enumerate(steps):
            outcome = self._attempt(step, self.syncing, cut if number == cut_step else None)
            if outcome in (FAILED, CUT):
                outcome = self._attempt(step, self.syncing, None)
            if outcome in (FAILED, CUT):
                return outcome
        return outcome

    def repair(self, *, cut: int | None = None) -> str:
        """Prove, and repair what differs, or crash after ``cut`` statements of it."""
        return self._attempt(
            lambda: self._sync(self.syncing).repair(self.verify(self.syncing)), self.syncing, cut
        )

    def verify(self, engine: Engine | None = None) -> Report:
        """Prove every cell."""
        return verify(self._client, engine or self.other, self._mirror, lambda *_: None, full=True)

    def pass_time(self, minutes: int) -> None:
        """Move every moment that the mirror has noted into the past: its clock is that much later."""
        pass_time(self.other, minutes)
        self._held = self._read()

    @contextmanager
    def observed(self, *, alone: bool) -> Iterator[None]:
        """Check what the block did to the database.

        :param alone: nothing happened on the server and nothing was delivered within the block.
        """
        shown = set(self._shown())
        yield
        before, after = self._held, self._read()
        assert after.rows.keys() == after.applied, "form table and ledger disagree"
        self._check_identities(after)
        if alone:
            _check_clocks(before, after)
        buried = {i for i, moment in after.tombstones.items() if before.tombstones.get(i) != moment}
        assert not buried & shown & set(self._shown()), "a submission was buried that exists"
        self._held = after

    def looks_back(self) -> bool:
        """Return True if a run has noted where the history ended, or nothing has been read yet."""
        with self.other.begin() as connection:
            noted = select(sync_runs.c.id).where(sync_runs.c.history_until.is_not(None)).limit(1)
            read = select(checkpoints.c.run).limit(1)
            return bool(connection.execute(noted).first()) or not connection.execute(read).first()

    @staticmethod
    def expected(shown: Iterable[dict[str, Any]]) -> str:
        """Return the outcome of a sync that has read these; if none of them fits, it is no success."""
        fits = [declared_cells(row) is not None for row in shown]
        return DONE if any(fits) or not fits else UNEQUAL

    def check_rows(self, shown: dict[int, dict[str, Any]]) -> None:
        """Check that the form table has every cell of what the server shows and fits, and nothing else."""
        wanted = {
            kobo_id: cells for kobo_id, row in shown.items() if (cells := declared_cells(row)) is not None
        }
        columns = [column.name for column in KOBO_RECORDS.columns]
        there = {kobo_id: [row[name] for name in columns] for kobo_id, row in self._read().rows.items()}
        assert there == wanted

    def _check_identities(self, held: Held) -> None:
        for kobo_id, row in held.rows.items():
            identity = (row["id"], row["inserted_at"])
            assert self._first.setdefault(kobo_id, identity) == identity, f"{kobo_id} has another id or birth"

    def _run(self, engine: Engine, mode: str, confirm: str | None) -> None:
        self._sync(engine).run(mode=mode, confirm=confirm, name="other" if engine is self.other else "sync")

    def _sync(self, engine: Engine) -> MirrorSync:
        return MirrorSync(
            self._other_client if engine is self.other else self._client,
            engine,
            form=KOBO_RECORDS,
            server=self._mirror.server,
            page_size=self._page_size,
            in_flight=1,
        )

    def _attempt(self, work: Callable[[], Any], engine: Engine, cut: int | None) -> str:
        crash_point = self._crash_points.get(engine)
        try:
            if crash_point is None:
                result = work()
            else:
                with crash_point.crash_after(cut):
                    result = work()
        except DeletesWaitError as waiting:
            self.mark = code_of(waiting)
            return WAITING
        except UnequalError as error:
            self.error = str(error)
            return UNEQUAL
        except KoboMirrorError as error:
            self.error = str(error)
            return FAILED
        except Crash:
            return CUT
        return result if isinstance(result, str) else DONE

    def _read(self) -> Held:
        t = submissions.c
        with self.other.begin() as connection:
            rows = [dict(row) for row in connection.execute(select(self._table)).mappings()]
            ledger = list(connection.execute(select(t.kobo_id, t.state, t.deleted_at)))
            were_here = select(t.state).where(func.coalesce(t.reason, "") != NEVER_STORED)
            states = Counter(connection.execute(were_here).scalars())
            counted = {state: n for state, n in totals(connection, self._mirror.asset_uid).items() if n}
            listed = set(connection.execute(select(rejections.c.kobo_id)).scalars())
        assert counted == states, "the totals are not the ledger's"
        assert listed == {kobo_id for kobo_id, state, _ in ledger if state == "rejected"}
        return Held(
            rows={row["kobo_id"]: row for row in rows},
            applied={kobo_id for kobo_id, state, _ in ledger if state == "applied"},
            tombstones={kobo_id: moment for kobo_id, state, moment in ledger if state == "deleted"},
        )


def _hurry(connection: Any, _: Any) -> None:
    """Do without waiting for the disk: no power is cut for real here."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


def _check_clocks(before: Held, after: Held) -> None:
    for kobo_id in before.rows.keys() & after.rows.keys():
        old, new = dict(before.rows[kobo_id]), dict(after.rows[kobo_id])
        moved = old.pop("updated_at") != new.pop("updated_at")
        assert moved == (old != new), f"updated_at of {kobo_id} moved: {moved}, an answer: {old != new}"


def declared_cells(row: Mapping[str, Any]) -> list[Any] | None:
    """Return the cells of a submission by the declaration alone; None if it does not fit."""
    try:
        return [_cell(column, row.get(column.question)) for column in KOBO_RECORDS.columns]
    except ValueError:
        return None


def _cell(column: Column, answer: Any) -> Any:
    if answer is None:
        if column.required and column.default is None:
            raise ValueError(column.name)
        return column.default
    if column.kind is Kind.INTEGER:
        return int(answer)
    if column.kind is Kind.DATE:
        return date.fromisoformat(answer)
    if column.kind is Kind.DATETIME:
        return datetime.fromisoformat(answer)
    if len(answer) > 255:
        raise ValueError(column.name)
    return answer
