"""The decision: stored ledger row and incoming state → what to do. Each clause answers a counterexample."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Origin(StrEnum):
    """How a state reached us: we asked for it, or a delivery brought it."""

    PULLED = "pulled"
    PUSHED = "pushed"


class Decision(StrEnum):
    """What becomes of an incoming state. FETCH keeps what is stored and asks the server again."""

    INSERT = "insert"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    STALE = "stale"
    FETCH = "fetch"
    REVIVE = "revive"
    DELETE = "delete"


class Stored(NamedTuple):
    """What the ledger holds of a submission."""

    kobo_id: int
    uuid: str | None
    previous_uuid: str | None
    digest: bytes | None
    row_digest: bytes | None
    state: str
    pushed_at: datetime | None
    first_seen_at: datetime
    epoch: int


class Incoming(NamedTuple):
    """What the decision needs to know of a state."""

    uuid: str | None
    previous_uuid: str | None
    digest: bytes
    partial: bool


def push_landed_since(stored: Stored | None, sent_at: datetime, now: datetime) -> bool:
    """Whether a delivery for it was committed after ``sent_at`` (all by the database's clock).

    :param now: read after ``stored`` was locked. A stamp after it was made before the clock was set back, and
        says nothing; where the clock was set back since the request was sent, any delivery may be newer.
    """
    if stored is None or stored.pushed_at is None:
        return False
    return sent_at > now or sent_at <= stored.pushed_at <= now


def decide(
    stored: Stored | None, incoming: Incoming, sent_at: datetime | None, *, epoch: int, now: datetime
) -> Decision:
    """What to do with a state; the first clause that fits (docs/architecture.md, "Who wins").

    :param sent_at: when the request that pulled it was sent; None for a pushed state.
    :param epoch: the form's current one: what was stored in another is written anew.
    :param now: the database's clock, as for ``push_landed_since``.
    """
    pulled = sent_at is not None
    if stored is not None and stored.state == "deleted":
        return Decision.REVIVE if pulled else Decision.FETCH
    if incoming.partial and not pulled:
        return Decision.FETCH
    if stored is None:
        return Decision.INSERT
    if incoming.uuid == stored.uuid and incoming.digest == stored.digest:
        return Decision.UNCHANGED if stored.epoch == epoch else Decision.UPDATE
    if sent_at is not None and not push_landed_since(stored, sent_at, now):
        return Decision.UPDATE
    return _by_edit_chain(stored, incoming)


def _by_edit_chain(stored: Stored, incoming: Incoming) -> Decision:
    if incoming.previous_uuid is not None and incoming.previous_uuid == stored.uuid:
        return Decision.UPDATE
    if incoming.uuid is not None and incoming.uuid == stored.previous_uuid:
        return Decision.STALE
    if incoming.previous_uuid is None and stored.previous_uuid is not None:
        return Decision.STALE
    return Decision.FETCH


def decide_absent(stored: Stored | None, sent_at: datetime, now: datetime) -> Decision:
    """What to do with an id that the server, asked for it with a witness, did not return."""
    if stored is not None and stored.state == "deleted":
        return Decision.UNCHANGED
    return Decision.FETCH if push_landed_since(stored, sent_at, now) else Decision.DELETE
