"""The one writer: applies decisions to ledger and tables of a form in one transaction.

Nothing else writes to either. Ids are sorted, stored rows are read under lock, new ones are plain INSERTs: a
lost race is a duplicate key, and the page is decided again (docs/architecture.md, "Locking").
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Engine, update

from kobo_mirror.database.bulk import Write, write
from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.database.engine import transact
from kobo_mirror.errors import LaneTakenError
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store import lanes, runs, totals
from kobo_mirror.store.batches import Absent, Pulled, PushResult, page_counts, push_result
from kobo_mirror.store.codes import note_use
from kobo_mirror.store.days import submitted_at
from kobo_mirror.store.decide import Decision, Origin, decide_absent
from kobo_mirror.store.form_locks import HeldForm, hold_form
from kobo_mirror.store.form_names import MOST_ID_STRINGS, learn_id_strings
from kobo_mirror.store.leases import Lease, check_lease
from kobo_mirror.store.ledger_windows import locked_between, locked_of, window_equals
from kobo_mirror.store.refetch_queue import enqueue, take_off
from kobo_mirror.store.rows_to_write import HELD_BY_MESSAGE
from kobo_mirror.store.tables import submissions
from kobo_mirror.store.tombstones import TOMBSTONE, bury, tombstone
from kobo_mirror.store.version_watch import VersionWatch
from kobo_mirror.store.write_decided import WriteTarget, clock_after_locking, decide_states, write_decided
from kobo_mirror.submissions.rows import State, read_state


class Writer:
    """Writes the states of one mirror.

    One writer may be used by several threads at once; each call is a transaction of its own.

    :param engine: the database.
    :param mirror: the form and its server.
    :param keep_payloads: ``rejected`` keeps the JSON of submissions that do not fit, ``all`` that of each.
    """

    def __init__(self, engine: Engine, mirror: Mirror, keep_payloads: str = "rejected") -> None:
        self._engine = engine
        self._mirror = mirror
        self._target = WriteTarget.of(mirror, keep_payloads)
        self._saves_reading = self._expects_new = dialect_of(engine).takes_first
        self._known_names: set[str] = set()
        self._versions = VersionWatch(engine, mirror)

    def push(self, body: bytes) -> PushResult:
        """Take one delivery; when this returns, it is durable.

        :param body: the submission as JSON.
        :returns: what became of it.
        :raises SubmissionError: the body is no submission.
        :raises NotBoundError: the form has no tables yet, or is not bound to them.
        :raises LetGoError: the form is mirrored no longer.
        :raises ReshapedError: the form has further tables or columns now: shape it anew, with another writer.
        :raises DatabaseError, SchemaError: the database cannot take it.
        """
        (result,) = self.push_all([read_state(body, self._mirror)])
        return result

    def push_all(self, states: Sequence[State]) -> list[PushResult]:
        """Take several deliveries in one transaction; those of one submission in the order given.

        KoboToolbox posts what is new (kobo-api.md §5.2), so nothing is read first: if one of them is known,
        its plain INSERT fails, and they are decided again with what is stored. After such a group the next
        one is read for at once.

        :param states: the deliveries.
        :returns: what became of each, in the order given.
        :raises NotBoundError, LetGoError, ReshapedError: as ``push`` does; none was written.
        :raises DatabaseError, SchemaError: the database cannot take them; none was written.
        """
        unseen, again = self._expects_new and not any(state.partial for state in states), False

        def work(connection: Connection) -> list[Decision]:
            nonlocal unseen, again
            (supposed, unseen), (collided, again) = (unseen, False), (again, True)
            decisions: dict[int, Decision] = {}
            waiting = dict(enumerate(states))
            while waiting:
                first = {state.kobo_id: place for place, state in reversed(waiting.items())}
                places = sorted(first.values(), key=lambda place: states[place].kobo_id)
                taken = [waiting.pop(place) for place in places]
                decided = self._push(connection, taken, unseen=supposed, again=collided)
                decisions |= zip(places, decided, strict=True)
            return [decisions[place] for place in range(len(states))]

        decisions = transact(self._engine, work)
        self._expects_new = self._saves_reading and all(d is Decision.INSERT for d in decisions)
        self._versions.look(states)
        return [push_result(state, decision) for state, decision in zip(states, decisions, strict=True)]

    def _push(
        self, connection: Connection, states: Sequence[State], *, unseen: bool, again: bool
    ) -> list[Decision]:
        """Decide and write states of different submissions.

        :param unseen: suppose that none of them is stored.
        :param again: an earlier try has collided.
        """
        if unseen:
            decided = [(state, Decision.INSERT) for state in states]
            write_decided(connection, self._target, decided, {}, HELD_BY_MESSAGE, pushed=True)
        else:
            held = hold_form(connection, self._mirror)
            stored = locked_of(connection, self._mirror.asset_uid, [state.kobo_id for state in states])
            decided = decide_states(states, stored, None, held.epoch, held.moment)
            write_decided(connection, self._target, decided, stored, held, pushed=True, again=again)
        return [decision for _, decision in decided]

    def pull(self, page: Pulled) -> dict[str, int]:
        """Write what a request brought, in one transaction.

        :param page: its states, and what the transaction must check and note.
        :returns: the counts that were added to the run's row, by name (``rows_read``, ``inserted`` …).
        :raises LeaseError: the lease has gone to another sync, or the lane to another process
            (LaneTakenError); nothing was written.
        :raises LetGoError: the form was let go meanwhile; nothing was written.
        :raises DatabaseError, SchemaError: the database cannot take it; nothing was written.
        """
        self._learn_names(page.states)
        again = False

        def work(connection: Connection) -> dict[str, int]:
            nonlocal again
            collided, again = again, True
            return self._pull(connection, page, again=collided)

        counts = transact(self._engine, work)
        self._versions.look(page.states)
        return counts

    def _learn_names(self, states: Sequence[State]) -> None:
        """Remember by what names submissions say that they are of this form."""
        seen = {state.id_string for state in states if state.id_string} - self._known_names
        if seen and len(self._known_names) < MOST_ID_STRINGS:
            learn_id_strings(self._engine, self._mirror, seen)
            self._known_names |= seen

    def _pull(self, connection: Connection, page: Pulled, *, again: bool) -> dict[str, int]:
        held = hold_form(connection, self._mirror)
        check_lease(connection, page.lease)
        if page.step and not lanes.move_lane(connection, page.lease.asset_uid, page.run_id, page.step):
            raise LaneTakenError("Another task pulls this lane: this one has ended without harm.")
        take_off(connection, self._mirror.asset_uid, page.to_take_off)
        states = sorted(page.states, key=lambda state: state.kobo_id)
        if page.known and page.window and self._window_equals(connection, states, page.window, held.epoch):
            # Nothing is written, so nothing need be locked: a delivery that is committed meanwhile stays.
            decided = [(state, Decision.UNCHANGED) for state in states]
        else:
            decided = self._pull_row_by_row(connection, page, states, held, again=again)
        counts = page_counts(decided) | page.counts
        runs.add_counts(connection, page.run_id, counts, highest_id=states[-1].kobo_id if states else None)
        return counts

    def _window_equals(
        self, connection: Connection, states: Sequence[State], window: tuple[int, int | None], epoch: int
    ) -> bool:
        rows = ((state.kobo_id, state.uuid, state.digest) for state in states)
        return window_equals(connection, self._mirror.asset_uid, rows, window, epoch)

    def _pull_row_by_row(
        self,
        connection: Connection,
        page: Pulled,
        states: Sequence[State],
        held: HeldForm,
        *,
        again: bool,
    ) -> list[tuple[State, Decision]]:
        asset_uid = self._mirror.asset_uid
        if page.window:
            stored = locked_between(connection, asset_uid, *page.window)
        else:
            stored = locked_of(connection, asset_uid, [state.kobo_id for state in states])
        now = clock_after_locking(connection, stored, held.moment)
        decided = decide_states(states, stored, page.sent_at, held.epoch, now)
        write_decided(connection, self._target, decided, stored, held, pushed=False, again=again)
        lacking = stored.keys() - {state.kobo_id for state in states}
        missing = (kobo_id for kobo_id in lacking if stored[kobo_id].state != "deleted")
        enqueue(connection, asset_uid, missing, "lacking in the pages")
        return decided

    def remove(self, absent: Absent) -> int:
        """Make tombstones of submissions that no longer exist, and delete all of their rows.

        :param absent: the ids that the server did not show, and what the transaction must check and note.
        :returns: how many submissions that the ledger had are tombstones now.
        :raises LeaseError: the lease has gone to another sync; nothing was written.
        """
        return transact(self._engine, lambda connection: self._remove(connection, absent))

    def _remove(self, connection: Connection, absent: Absent) -> int:
        moment = hold_form(connection, self._mirror).moment
        check_lease(connection, absent.lease)
        ids, asset_uid = sorted(absent.ids), self._mirror.asset_uid
        stored = locked_of(connection, asset_uid, ids)
        now = clock_after_locking(connection, stored, moment)
        decided = {i: decide_absent(stored.get(i), absent.sent_at, now) for i in ids}
        gone = [kobo_id for kobo_id, decision in decided.items() if decision is Decision.DELETE]
        take_off(connection, asset_uid, absent.to_take_off)
        known = [kobo_id for kobo_id in gone if kobo_id in stored]
        bury(connection, asset_uid, known, moment, reason=absent.reason, keep_payloads=self._target.keep_all)
        unknown = [tombstone(asset_uid, i, moment) for i in gone if i not in stored]
        removals = self._target.removals(connection, gone)
        undecided = (kobo_id for kobo_id, decision in decided.items() if decision is Decision.FETCH)
        enqueue(connection, asset_uid, undecided, "undecidable")
        runs.add_counts(connection, absent.run_id, {"deleted": len(known)})
        if absent.code:
            runs.note_findings(connection, absent.run_id, {"confirmed": absent.code})
            note_use(connection, absent.code)
        changes = {kobo_id: (stored[kobo_id].state, "deleted") for kobo_id in known}
        counted = totals.count_changes(
            connection,
            asset_uid,
            Origin.PULLED,
            moment,
            changes,
            submitted=submitted_at(connection, asset_uid, known),
        )
        write(connection, Write(submissions, TOMBSTONE, unknown), *removals, *counted)
        return len(known)

    def invalidate(self, ids: Sequence[int], lease: Lease) -> None:
        """Clear the digests of submissions and enqueue them, so that they are asked for and written anew.

        Rows that no submission has are removed.

        :param ids: ``_id`` of each submission.
        :param lease: the right to pull the form.
        :raises LeaseError: the lease has gone to another sync; nothing was written.
        """

        def work(connection: Connection) -> None:
            hold_form(connection, self._mirror)
            check_lease(connection, lease)
            stored = locked_of(connection, self._mirror.asset_uid, sorted(ids))
            mine = (submissions.c.asset_uid == self._mirror.asset_uid) & submissions.c.kobo_id.in_(ids)
            connection.execute(update(submissions).where(mine).values(document_digest=None))
            orphans = [i for i in ids if i not in stored or stored[i].state != "applied"]
            write(connection, *self._target.removals(connection, orphans))
            enqueue(connection, self._mirror.asset_uid, ids, "repair")

        transact(self._engine, work)
