"""Commit deliveries that arrive together in one transaction: a commit costs the same for one as for many."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from kobo_mirror.errors import DatabaseError
from kobo_mirror.store.batches import PushResult
from kobo_mirror.store.writer import Writer
from kobo_mirror.submissions.rows import State
from kobo_mirror.sync.receive import Push

MOST_IN_A_GROUP = 64
LEADERS = 2

# After so many seconds of a group's commit, another group may be committed beside it.
HELD_UP_SECONDS = 0.2
# Seconds that a delivery may wait in the queue, then for its group's commit, then for commits one by one:
# together they keep an answer within 5 s.
QUEUE_SECONDS, COMMIT_SECONDS, ONE_BY_ONE_SECONDS = 0.75, 3.75, 3.0
_TOO_LATE = "The database did not commit it in time."


def yield_to_arrivals() -> None:
    """Yield once, so that greenlets with a complete body can join this group."""
    time.sleep(0)


class _Delivery:
    """A state that is to be committed; its thread is woken when it is, or when it shall lead a group.

    :param state: the state.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self._woken = threading.Event()
        self.group: list[_Delivery] = []
        self.outcome: PushResult | Exception | None = None

    def wait(self, seconds: float) -> bool:
        """Wait to be woken; return True if that happened in time.

        :param seconds: how long to wait.
        """
        return self._woken.wait(seconds)

    def lead(self, group: list[_Delivery]) -> None:
        """Wake it to lead a group.

        :param group: the group, of which it is the first.
        """
        self.group = group
        self._woken.set()

    def settle(self, outcome: PushResult | Exception) -> None:
        """Wake it with its outcome, if it is not awake already.

        :param outcome: what the writer made of it, or the error that its caller raises.
        """
        self.outcome = outcome
        self._woken.set()


class GroupCommitter:
    """Commits the states of its callers in groups, each with all that wait at that moment.

    A caller that finds no leader leads: it commits its own state with those that arrived, then wakes one of
    those that wait to lead the next group. So no thread is kept alive, no timer runs, and a lone delivery is
    committed as if there were no groups. There are two leaders only while a group is held up, such as by a
    lock: otherwise groups would be smaller and more.

    :param push_all: commits several states in one transaction, or none of them and raises.
    """

    def __init__(self, push_all: Callable[[Sequence[State]], list[PushResult]]) -> None:
        self._push_all = push_all
        self._lock = threading.Lock()
        self._waiting: list[_Delivery] = []
        self._leaders = 0

    def push(self, state: State) -> PushResult:
        """Commit a state, alone or in a group.

        :param state: a shaped state.
        :returns: what became of it; by then it is durable.
        :raises DatabaseError, SchemaError: the database cannot take it (in time).
        """
        mine = _Delivery(state)
        with self._lock:
            if self._leaders:
                self._waiting.append(mine)
            else:  # then no delivery is left to wait for
                self._leaders = 1
                mine.group = [mine]
        if not mine.group:
            self._wait(mine)
        if mine.group:
            self._lead(mine.group)
        if isinstance(mine.outcome, PushResult):
            return mine.outcome
        raise mine.outcome or DatabaseError(_TOO_LATE)

    def _wait(self, mine: _Delivery) -> None:
        """Wait to be committed or to lead; a delivery that is still queued after a while leaves the queue."""
        until = time.monotonic() + QUEUE_SECONDS
        while time.monotonic() < until:
            if mine.wait(HELD_UP_SECONDS) or self._leads_beside(mine):
                return
        with self._lock:
            if mine in self._waiting:
                self._waiting.remove(mine)
                return
        mine.wait(COMMIT_SECONDS)

    def _leads_beside(self, mine: _Delivery) -> bool:
        """Lead the deliveries that wait beside a group that is held up, if there is one leader at most."""
        with self._lock:
            if mine not in self._waiting or self._leaders >= LEADERS:
                return False
            self._leaders += 1
            self._waiting.remove(mine)
            mine.group = [mine, *self._taken(MOST_IN_A_GROUP - 1)]
            return True

    def _lead(self, group: list[_Delivery]) -> None:
        try:
            yield_to_arrivals()
            with self._lock:
                group += self._taken(MOST_IN_A_GROUP - len(group))
            self._commit(group)
        finally:
            with self._lock:
                self._hand_on()

    def _hand_on(self) -> None:
        """Wake the first of the waiting deliveries to lead the others; without any, stop leading."""
        group = self._taken(MOST_IN_A_GROUP) if self._leaders == 1 else []
        if group:
            group[0].lead(group)
        else:
            self._leaders -= 1

    def _taken(self, most: int) -> list[_Delivery]:
        group = self._waiting[:most]
        del self._waiting[:most]
        return group

    def _commit(self, group: list[_Delivery]) -> None:
        """Commit them together; if that fails, one by one, so that none fails because of its neighbours."""
        until = time.monotonic() + ONE_BY_ONE_SECONDS
        failure = self._push(group)
        if failure is None:
            return
        for delivery in group:
            if len(group) > 1:
                failure = self._push([delivery]) if time.monotonic() < until else DatabaseError(_TOO_LATE)
            if failure:
                delivery.settle(failure)

    def _push(self, group: list[_Delivery]) -> Exception | None:
        try:
            results = self._push_all([delivery.state for delivery in group])
        except Exception as problem:  # each caller raises it in its own request
            return problem
        for delivery, result in zip(group, results, strict=True):
            delivery.settle(result)
        return None


def in_groups(writer: Writer) -> Push:
    """Return what commits the states of a form together with those that arrive meanwhile.

    :param writer: the writer of the form.
    """
    return GroupCommitter(writer.push_all).push
