"""The one writer: applies decisions to ledger and form table in one transaction.

Nothing else writes to either, ever. Ids are sorted, stored rows are read under lock, new ones are plain
INSERTs: a lost race is a duplicate key, and the page is decided again (docs/architecture.md, "Locking").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, Engine, delete, update

from kobo_mirror.database.bulk import Moment, Write, write
from kobo_mirror.database.engine import moment_of, transact
from kobo_mirror.errors import LeaseError
from kobo_mirror.forms.schema import Mirror
from kobo_mirror.store import lanes, runs, totals
from kobo_mirror.store.batches import WRITTEN, Absent, Pulled, PushResult, counted, push_result
from kobo_mirror.store.bindings import (
    MOST_ID_STRINGS,
    HeldForm,
    NotBoundError,
    hold_first,
    hold_form,
    learn_id_strings,
)
from kobo_mirror.store.codes import note_use
from kobo_mirror.store.decide import Decision, Incoming, Origin, Stored, decide, decide_absent
from kobo_mirror.store.leases import Lease, check_lease
from kobo_mirror.store.ledger_rows import LEDGER, LEDGER_AGAIN, SUPPOSED, Supposed, form_rows, ledger_row
from kobo_mirror.store.ledger_windows import locked_between, locked_of, window_equals
from kobo_mirror.store.oversized import reject_too_large
from kobo_mirror.store.refetch_queue import enqueue, settle
from kobo_mirror.store.schema import bind
from kobo_mirror.store.tables import form_table, submissions
from kobo_mirror.store.tombstones import TOMBSTONE, bury, state_before, tombstone
from kobo_mirror.submissions.rows import State, read_state

T = TypeVar("T")


class Writer:
    """Writes the states of one mirror.

    :param keep_payloads: ``rejected`` keeps the JSON of what did not fit, ``all`` keeps every one.
    """

    def __init__(self, engine: Engine, mirror: Mirror, keep_payloads: str = "rejected") -> None:
        self._engine = engine
        self._mirror = mirror
        self._keep_all = keep_payloads == "all"
        self._table = form_table(mirror.form)
        self._saves_reading = self._expects_new = engine.dialect.name != "sqlite"
        self._names: set[str] = set()
        cells = (column.name for column in mirror.form.columns)
        self._form_columns = ("id", "kobo_id", *cells, "inserted_at")
        self._rows_go = Write(self._table, self._form_columns, (), key=("kobo_id",), keep=("inserted_at",))

    def push(self, body: bytes) -> PushResult:
        """Take one delivery; when this returns, it is durable.

        :raises SubmissionError: the body is no submission.
        :raises DatabaseError, SchemaError: the database cannot take it.
        """
        (result,) = self.push_all([read_state(body, self._mirror)])
        return result

    def push_all(self, states: Sequence[State]) -> list[PushResult]:
        """Take several deliveries in one transaction; those of one submission in the order given.

        KoboToolbox posts what is new (kobo-api.md §5.2), so nothing is read first: if one of them is known,
        its plain INSERT fails, and they are decided again with what is stored. After such a group the next
        one is read for at once.

        :returns: what became of each, in the order given.
        :raises DatabaseError, SchemaError: the database cannot take them; none was written.
        """
        unseen = self._expects_new and not any(state.partial for state in states)

        def work(connection: Connection) -> list[Decision]:
            nonlocal unseen
            supposed, unseen = unseen, False
            decisions: dict[int, Decision] = {}
            waiting = dict(enumerate(states))
            while waiting:
                first = {state.kobo_id: place for place, state in reversed(waiting.items())}
                places = sorted(first.values(), key=lambda place: states[place].kobo_id)
                decided = self._push(connection, [waiting.pop(place) for place in places], unseen=supposed)
                decisions |= zip(places, decided, strict=True)
            return [decisions[place] for place in range(len(states))]

        decisions = self._transact_bound(work)
        self._expects_new = self._saves_reading and all(d is Decision.INSERT for d in decisions)
        return [push_result(state, decision) for state, decision in zip(states, decisions, strict=True)]

    def defer(self, kobo_id: int) -> PushResult:
        """Have the next sync ask for a submission whose delivery cannot be judged.

        :raises DatabaseError, SchemaError: the database cannot take it.
        """

        def work(connection: Connection) -> None:
            hold_form(connection, self._mirror)
            self._ask(connection, [kobo_id], "of a form by another name")

        self._transact_bound(work)
        return PushResult(kobo_id, "deferred")

    def _transact_bound(self, work: Callable[[Connection], T]) -> T:
        """Run it in a transaction; a delivery before the form's first sync binds the form first."""
        try:
            return transact(self._engine, work)
        except NotBoundError:
            bind(self._engine, self._mirror)
            return transact(self._engine, work)

    def _push(self, connection: Connection, states: Sequence[State], *, unseen: bool) -> list[Decision]:
        """Decide and write states of different submissions.

        :param unseen: suppose that none of them is stored.
        """
        if unseen:
            decided = [(state, Decision.INSERT) for state in states]
            self._apply(connection, decided, {}, SUPPOSED, pushed=True)
        else:
            held = hold_form(connection, self._mirror)
            stored = locked_of(connection, self._mirror.asset_uid, [state.kobo_id for state in states])
            decided = _decided(states, stored, None, held.epoch, held.moment)
            self._apply(connection, decided, stored, held, pushed=True)
        return [decision for _, decision in decided]

    def pull(self, page: Pulled) -> dict[str, int]:
        """Write what a request brought, in one transaction; returns the counts.

        :raises LeaseError: the lease, or the lane, has gone to another sync; nothing was written.
        :raises DatabaseError, SchemaError: the database cannot take it; nothing was written.
        """
        self._learn_names(page.states)
        return transact(self._engine, lambda connection: self._pull(connection, page))

    def _learn_names(self, states: Sequence[State]) -> None:
        """Remember by what names submissions say that they are of this form."""
        seen = {state.id_string for state in states if state.id_string} - self._names
        if seen and len(self._names) < MOST_ID_STRINGS:
            learn_id_strings(self._engine, self._mirror.form, seen)
            self._names |= seen

    def _pull(self, connection: Connection, page: Pulled) -> dict[str, int]:
        held = hold_form(connection, self._mirror)
        check_lease(connection, page.lease)
        if page.step and not lanes.move_lane(connection, page.lease.asset_uid, page.run_id, page.step):
            raise LeaseError("Another task pulls this lane: this one has ended without harm.")
        settle(connection, self._mirror.asset_uid, page.settled)
        states = sorted(page.states, key=lambda state: state.kobo_id)
        if page.known and page.window and self._window_equals(connection, states, page.window, held.epoch):
            # Nothing is written, so nothing had to be locked: whatever lands meanwhile stays.
            decided = [(state, Decision.UNCHANGED) for state in states]
        else:
            decided = self._pull_row_by_row(connection, page, states, held)
        counts = counted(decided) | page.counts
        runs.add_counts(connection, page.run_id, counts, highest_id=states[-1].kobo_id if states else None)
        return counts

    def _window_equals(
        self, connection: Connection, states: Sequence[State], window: tuple[int, int | None], epoch: int
    ) -> bool:
        rows = ((state.kobo_id, state.uuid, state.digest) for state in states)
        return window_equals(connection, self._mirror.asset_uid, rows, window, epoch)

    def _pull_row_by_row(
        self, connection: Connection, page: Pulled, states: Sequence[State], held: HeldForm
    ) -> list[tuple[State, Decision]]:
        asset = self._mirror.asset_uid
        if page.window:
            stored = locked_between(connection, asset, *page.window)
        else:
            stored = locked_of(connection, asset, [state.kobo_id for state in states])
        now = _moment_behind(connection, stored, held.moment)
        decided = _decided(states, stored, page.sent_at, held.epoch, now)
        self._apply(connection, decided, stored, held, pushed=False)
        lacking = stored.keys() - {state.kobo_id for state in states}
        self._ask(connection, (i for i in lacking if stored[i].state != "deleted"), "lacking in the pages")
        return decided

    def remove(self, absent: Absent) -> int:
        """Make tombstones of what no longer exists, out of the form table too; returns how many rows went.

        :raises LeaseError: the lease has gone to another sync; nothing was written.
        """
        return transact(self._engine, lambda connection: self._remove(connection, absent))

    def _remove(self, connection: Connection, absent: Absent) -> int:
        moment = hold_form(connection, self._mirror).moment
        check_lease(connection, absent.lease)
        ids, asset = sorted(absent.ids), self._mirror.asset_uid
        stored = locked_of(connection, asset, ids)
        now = _moment_behind(connection, stored, moment)
        decided = {i: decide_absent(stored.get(i), absent.sent_at, now) for i in ids}
        gone = [kobo_id for kobo_id, decision in decided.items() if decision is Decision.DELETE]
        settle(connection, asset, absent.settled)
        known = [kobo_id for kobo_id in gone if kobo_id in stored]
        bury(connection, asset, known, moment, reason=absent.reason, keep_payloads=self._keep_all)
        unknown = [tombstone(asset, i, moment) for i in gone if i not in stored]
        if gone:
            connection.execute(delete(self._table).where(self._table.c.kobo_id.in_(gone)))
        self._ask(
            connection, (i for i, decision in decided.items() if decision is Decision.FETCH), "undecidable"
        )
        runs.add_counts(connection, absent.run_id, {"deleted": len(known)})
        if absent.code:
            runs.note_findings(connection, absent.run_id, {"confirmed": absent.code})
            note_use(connection, absent.code)
        buried = {kobo_id: (stored[kobo_id].state, "deleted") for kobo_id in known}
        counted_too = totals.noted(connection, asset, Origin.PULLED, moment, buried)
        write(connection, Write(submissions, TOMBSTONE, unknown), *counted_too)
        return len(known)

    def invalidate(self, ids: Sequence[int], lease: Lease) -> None:
        """Believe nothing of these submissions: they are asked for again and written anew.

        Rows of the form table without a submission that fits are removed.

        :raises LeaseError: the lease has gone to another sync; nothing was written.
        """

        def work(connection: Connection) -> None:
            hold_form(connection, self._mirror)
            check_lease(connection, lease)
            stored = locked_of(connection, self._mirror.asset_uid, sorted(ids))
            mine = (submissions.c.asset_uid == self._mirror.asset_uid) & submissions.c.kobo_id.in_(ids)
            connection.execute(update(submissions).where(mine).values(digest=None, row_digest=None))
            orphans = [i for i in ids if i not in stored or stored[i].state != "applied"]
            connection.execute(delete(self._table).where(self._table.c.kobo_id.in_(orphans)))
            self._ask(connection, ids, "repair")

        transact(self._engine, work)

    def _apply(
        self,
        connection: Connection,
        decided: Sequence[tuple[State, Decision]],
        stored: dict[int, Stored],
        held: HeldForm | Supposed,
        *,
        pushed: bool,
    ) -> None:
        moment = held.moment
        pushed_at = moment if pushed else None
        reject_too_large(connection, self._rows_go, [s for s, d in decided if d in WRITTEN])
        written = [(s, stored.get(s.kobo_id)) for s, d in decided if d in WRITTEN]
        asset, keep_all = self._mirror.asset_uid, self._keep_all
        ledger = [(ledger_row(asset, s, b, held, pushed_at, keep_all=keep_all), b) for s, b in written]
        if pushed:
            self._stamp(
                connection,
                [s.kobo_id for s, d in decided if d not in WRITTEN and s.kobo_id in stored],
                moment,
            )
        rows = form_rows(connection, self._table, written, held)
        self._ask(connection, (s.kobo_id for s, d in decided if d is Decision.FETCH), "undecidable")
        changes = {
            s.kobo_id: (state_before(before), "applied" if s.row else "rejected") for s, before in written
        }
        columns = {s.kobo_id: s.rejected_columns for s, _ in written if s.row is None}
        origin = Origin.PUSHED if pushed else Origin.PULLED
        write(
            connection,
            LEDGER._replace(rows=[row for row, before in ledger if before is None]),
            LEDGER_AGAIN._replace(rows=[row for row, before in ledger if before is not None]),
            self._rows_go._replace(rows=rows),
            *totals.noted(connection, self._mirror.asset_uid, origin, moment, changes, columns=columns),
            first=hold_first(self._mirror) if held is SUPPOSED else None,
        )

    def _stamp(self, connection: Connection, ids: Sequence[int], moment: Moment) -> None:
        if ids:
            mine = (submissions.c.asset_uid == self._mirror.asset_uid) & submissions.c.kobo_id.in_(ids)
            connection.execute(update(submissions).where(mine).values(pushed_at=moment))

    def _ask(self, connection: Connection, ids: Iterable[int], reason: str) -> None:
        enqueue(connection, self._mirror.asset_uid, ids, reason)


def _moment_behind(connection: Connection, stored: Mapping[int, Stored], moment: datetime) -> datetime:
    """The clock after locking: a delivery that was waited for has a later stamp than the transaction."""
    stamps = (row.pushed_at for row in stored.values())
    return moment_of(connection) if any(stamp and stamp > moment for stamp in stamps) else moment


def _decided(
    states: Sequence[State], stored: Mapping[int, Stored], sent_at: datetime | None, epoch: int, now: datetime
) -> list[tuple[State, Decision]]:
    return [(s, decide(stored.get(s.kobo_id), _incoming(s), sent_at, epoch=epoch, now=now)) for s in states]


def _incoming(state: State) -> Incoming:
    return Incoming(state.uuid, state.previous_uuid, state.digest, state.partial)
