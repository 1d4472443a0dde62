"""What goes into the writer beside states, and what comes out: pages that were pulled, absences, results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from kobo_mirror.store.decide import Decision
from kobo_mirror.store.lanes import Step
from kobo_mirror.store.leases import Lease
from kobo_mirror.store.refetch_queue import Entry
from kobo_mirror.submissions.rows import State

WRITTEN = (Decision.INSERT, Decision.UPDATE, Decision.REVIVE)
_RESULT = {
    Decision.INSERT: "inserted",
    Decision.UPDATE: "updated",
    Decision.REVIVE: "revived",
    Decision.UNCHANGED: "unchanged",
    Decision.STALE: "stale",
    Decision.FETCH: "deferred",
}


@dataclass(frozen=True)
class PushResult:
    """What became of a delivery: inserted, updated, unchanged, stale, deferred or rejected."""

    kobo_id: int
    result: str
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """States that one request brought, and what their transaction must check and note.

    :param sent_at: the database's clock before the request was sent.
    :param window: the ids ``after < id <= upto`` (None: no end) that the request covered; stored ones that
        it lacks are fetched.
    :param known: all of it is probably as it is stored.
    :param step: the lane that this page moves on.
    :param settled: entries of the fetch list that the request answered.
    :param counts: further counts for the run's row (``requests``, ``bytes``).
    """

    states: Sequence[State]
    sent_at: datetime
    lease: Lease
    run_id: int
    window: tuple[int, int | None] | None = None
    known: bool = False
    step: Step | None = None
    settled: Sequence[Entry] = ()
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Absent:
    """Ids that the server was asked for and, showing a witness, did not return.

    :param sent_at: the database's clock before that request was sent.
    :param settled: the entries of the fetch list that asked for them.
    :param reason: what the tombstones say of their delete; None for one that counts towards the guard.
    :param code: the confirmation code that has served once these are deleted.
    """

    ids: Sequence[int]
    sent_at: datetime
    lease: Lease
    run_id: int
    settled: Sequence[Entry]
    reason: str | None = None
    code: str | None = None


def push_result(state: State, decision: Decision) -> PushResult:
    """What a delivery is told."""
    if decision in WRITTEN and state.row is None:
        return PushResult(state.kobo_id, "rejected", state.reason)
    return PushResult(state.kobo_id, _RESULT[decision])


def counted(decided: Sequence[tuple[State, Decision]]) -> dict[str, int]:
    """What a run's row is told of a page."""
    counts = {"rows_read": len(decided)}
    for state, decision in decided:
        name = "rejected" if decision in WRITTEN and state.row is None else _RESULT[decision]
        counts[name] = counts.get(name, 0) + 1
    return counts
