"""The decision: stored ledger row and incoming state → what to do; pure functions.

docs/architecture.md, "Who wins", has the clauses in their order, each with what goes wrong without it.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Origin(StrEnum):
    """How a state reached us: a request brought it, or a delivery."""

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
    """What the ledger holds of a submission.

    :param uuid: the edit token.
    :param previous_uuid: the edit token that this one replaced.
    :param document_digest: 16 bytes; None once the row was invalidated.
    :param row_digest: the digest of the form table's row, 16 bytes; None without one.
    :param state: ``applied``, ``rejected`` or ``deleted``.
    :param pushed_at: when the newest delivery was committed, by the database's clock (UTC).
    :param epoch: the form's epoch in which the row was written.
    """

    kobo_id: int
    uuid: str | None
    previous_uuid: str | None
    document_digest: bytes | None
    row_digest: bytes | None
    state: str
    pushed_at: datetime | None
    first_seen_at: datetime
    epoch: int


class Incoming(NamedTuple):
    """What the decision needs to know of an incoming state.

    :param uuid: the edit token.
    :param previous_uuid: ``meta/deprecatedID``, the edit token that this one replaced.
    :param digest: 16 bytes.
    :param partial: it lacks what nearly every submission has, or is not all UTF-8.
    """

    uuid: str | None
    previous_uuid: str | None
    digest: bytes
    partial: bool


def push_landed_since(stored: Stored | None, sent_at: datetime, now: datetime) -> bool:
    """Return True if a delivery of the submission was committed after a request was sent.

    All moments are the database's clock (UTC).

    :param stored: the ledger's row; None without one.
    :param sent_at: when the request was sent.
    :param now: read after ``stored`` was locked. A stamp after it was made before the clock was set back, and
        says nothing; where the clock was set back since the request was sent, any delivery may be newer.
    """
    if stored is None or stored.pushed_at is None:
        return False
    return sent_at > now or sent_at <= stored.pushed_at <= now


def decide(
    stored: Stored | None, incoming: Incoming, sent_at: datetime | None, *, epoch: int, now: datetime
) -> Decision:
    """Decide what to do with a state, by the first clause that fits (docs/architecture.md, "Who wins").

    :param stored: the ledger's row of the submission, locked; None without one.
    :param incoming: the state.
    :param sent_at: when the request that pulled it was sent, by the database's clock; None for a pushed one.
    :param epoch: the form's current one: what was stored in another epoch is written anew.
    :param now: the database's clock, as for :func:`push_landed_since`.
    :returns: any decision but ``DELETE``.
    """
    pulled = sent_at is not None
    if stored is not None and stored.state == "deleted":
        return Decision.REVIVE if pulled else Decision.FETCH
    if incoming.partial and not pulled:
        return Decision.FETCH
    if stored is None:
        return Decision.INSERT
    if incoming.uuid == stored.uuid and incoming.digest == stored.document_digest:
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
    """Decide what to do with an id that the server, asked for it together with a witness, did not return.

    :param stored: the ledger's row of the submission, locked; None without one.
    :param sent_at: when the request was sent, by the database's clock.
    :param now: the database's clock, as for :func:`push_landed_since`.
    :returns: ``DELETE``, ``FETCH`` (a delivery came meanwhile) or ``UNCHANGED`` (it is a tombstone already).
    """
    if stored is not None and stored.state == "deleted":
        return Decision.UNCHANGED
    return Decision.FETCH if push_landed_since(stored, sent_at, now) else Decision.DELETE
