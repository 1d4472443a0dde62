"""Tombstones: what the ledger keeps of submissions that no longer exist."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, update

from kobo_mirror.store.decide import Stored
from kobo_mirror.store.tables import submissions

TOMBSTONE = ("asset_uid", "kobo_id", "state", "reason", "first_seen_at", "deleted_at")
NEVER_STORED = "never stored"
_ANSWERS = ("digest", "row_digest", "submitted_by", "validation_status", "validation_timestamp")


def bury(
    connection: Connection,
    asset_uid: str,
    ids: Sequence[int],
    moment: datetime,
    *,
    reason: str | None,
    keep_payloads: bool,
) -> None:
    """Make tombstones of submissions that the ledger holds: key and times stay, answers do not.

    :param reason: None for a delete that counts towards the guard.
    :param keep_payloads: leave the raw submissions, as ``KOBO_KEEP_PAYLOADS=all`` wants it.
    """
    if not ids:
        return
    kept = {"state": "deleted", "deleted_at": moment, "reason": reason}
    cleared = dict.fromkeys((*_ANSWERS, *(() if keep_payloads else ("payload",))))
    mine = (submissions.c.asset_uid == asset_uid) & submissions.c.kobo_id.in_(ids)
    connection.execute(update(submissions).where(mine).values(kept | cleared))


def state_before(stored: Stored | None) -> str | None:
    """The state that the totals count a submission under by now: None for one that was never stored.

    What was stored and deleted keeps its edit token.
    """
    if stored is None or (stored.state == "deleted" and stored.uuid is None):
        return None
    return stored.state


def tombstone(asset_uid: str, kobo_id: int, moment: datetime) -> tuple[Any, ...]:
    """The ledger's row of a submission that was never stored, its cells in the order of ``TOMBSTONE``."""
    return (asset_uid, kobo_id, "deleted", NEVER_STORED, moment, moment)
