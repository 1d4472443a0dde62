"""What the writer is given and returns: pulled pages, absent submissions, results of deliveries."""

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
    """What became of a delivery.

    :param kobo_id: the submission's ``_id``.
    :param result: ``inserted``, ``updated``, ``unchanged``, ``stale``, ``deferred`` or ``rejected``.
    :param reason: why a rejected submission does not fit the form table, without its answers.
    """

    kobo_id: int
    result: str
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """States that one request brought, and what their transaction must check and note.

    :param states: states of different submissions, in any order.
    :param sent_at: the database's clock (UTC) before the request was sent.
    :param lease: the right to pull the form; checked in the transaction.
    :param run_id: the run whose row gets the counts.
    :param window: the ids ``after < id <= upto`` (None: no end) that the request covered; stored submissions
        of it that the response lacks are enqueued. None where single ids were asked for.
    :param known: the page is probably equal to what is stored, and is compared as one text first.
    :param step: how far this page moves the cursor of its lane; None outside of lanes.
    :param to_take_off: entries of the refetch queue that the request answered.
    :param counts: further counts for the run's row (``requests``, ``bytes``).
    """

    states: Sequence[State]
    sent_at: datetime
    lease: Lease
    run_id: int
    window: tuple[int, int | None] | None = None
    known: bool = False
    step: Step | None = None
    to_take_off: Sequence[Entry] = ()
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Absent:
    """Ids that the server was asked for and, showing a witness, did not return.

    :param ids: ``_id`` of each.
    :param sent_at: the database's clock (UTC) before that request was sent.
    :param lease: the right to pull the form; checked in the transaction.
    :param run_id: the run whose row gets the count.
    :param to_take_off: the entries of the refetch queue that asked for them.
    :param reason: what the tombstones say of their delete; None for one that counts for the delete guard.
    :param code: the confirmation code that is used up once these are deleted.
    """

    ids: Sequence[int]
    sent_at: datetime
    lease: Lease
    run_id: int
    to_take_off: Sequence[Entry]
    reason: str | None = None
    code: str | None = None


def push_result(state: State, decision: Decision) -> PushResult:
    """Return what became of a delivery.

    :param state: its state, shaped if the decision was to write it.
    :param decision: what was decided for it.
    """
    if decision in WRITTEN and state.is_rejected:
        return PushResult(state.kobo_id, "rejected", state.reason)
    return PushResult(state.kobo_id, _RESULT[decision])


def page_counts(decided: Sequence[tuple[State, Decision]]) -> dict[str, int]:
    """Count what became of a page.

    :param decided: each state with its decision.
    :returns: the numbers by column of the run's row: ``rows_read``, and those of the decisions that occurred.
    """
    counts = {"rows_read": len(decided)}
    for state, decision in decided:
        name = "rejected" if decision in WRITTEN and state.is_rejected else _RESULT[decision]
        counts[name] = counts.get(name, 0) + 1
    return counts
