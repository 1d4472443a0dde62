"""Deliveries that arrive together share a transaction: a commit costs the same for one as for many."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import falcon

from kobo_mirror.errors import DatabaseError
from kobo_mirror.store.batches import PushResult
from kobo_mirror.store.writer import Writer
from kobo_mirror.submissions.rows import State
from kobo_mirror.sync.receive import Push
from webhook.middleware import RETRY_AFTER

MOST_IN_A_GROUP = 64
LEADERS = 2

# So long a group may take before another one sets out beside it.
HELD_UP_SECONDS = 0.2
# An answer comes within 5 s: so long at most in the queue, then until a group fails, then one by one.
QUEUE_SECONDS, COMMIT_SECONDS, ONE_BY_ONE_SECONDS = 0.75, 3.75, 3.0
_TOO_LATE = "The database did not commit it in time."


def yield_to_arrivals() -> None:
    """Let those whose bodies are here come to the queue: a greenlet runs only while another one waits."""
    time.sleep(0)


class _Delivery:
    """One state on its way: woken when it is done, or when it leads a group."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._woken = threading.Event()
        self.group: list[_Delivery] = []
        self.outcome: PushResult | Exception | None = None

    def wait(self, seconds: float) -> bool:
        """Whether it was woken in that time."""
        return self._woken.wait(seconds)

    def lead(self, group: list[_Delivery]) -> None:
        """Wake it to lead these."""
        self.group = group
        self._woken.set()

    def settle(self, outcome: PushResult | Exception) -> None:
        """Wake it with what became of it, if it is not awake already."""
        self.outcome = outcome
        self._woken.set()


class GroupCommitter:
    """Commits what its callers bring, each in a group with all that wait at that moment.

    A caller that finds no leader leads: it commits its own, then hands those that wait to one of them. So no
    thread is kept alive, no timer runs, and a lone delivery is committed as if there were no groups. Two lead
    only while a group is held up, by a lock say: else there would be more and smaller groups.

    :param push_all: commits several states in one transaction, or none of them and raises.
    """

    def __init__(self, push_all: Callable[[Sequence[State]], list[PushResult]]) -> None:
        self._push_all = push_all
        self._lock = threading.Lock()
        self._waiting: list[_Delivery] = []
        self._leaders = 0

    def push(self, state: State) -> PushResult:
        """Commit a state; when this returns, it is durable.

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
        """Wait to be committed or to lead; who is still in the queue after a while leaves it."""
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
        """Lead those that wait although a group is under way, if there is one at most."""
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
        """The first of those that wait leads them: each has one group, and each group one leader."""
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


class AdmissionLimit:
    """What a process takes on at once; who comes when it is full is told at once to come again.

    :param deliveries: how many may be under way.
    :param size: bytes of all their bodies together.
    """

    def __init__(self, deliveries: int, size: int) -> None:
        self._deliveries, self._size = deliveries, size
        self._lock = threading.Lock()

    @contextmanager
    def admit(self, size: int) -> Iterator[None]:
        """Room for one delivery.

        :raises falcon.HTTPServiceUnavailable: there is none.
        """
        with self._lock:
            if self._deliveries < 1 or self._size < size:
                raise falcon.HTTPServiceUnavailable(
                    description="Too many deliveries at once. Send it again later.", retry_after=RETRY_AFTER
                )
            self._deliveries -= 1
            self._size -= size
        try:
            yield
        finally:
            with self._lock:
                self._deliveries += 1
                self._size += size
