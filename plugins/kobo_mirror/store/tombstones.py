"""Tombstones: the ledger's rows of submissions that no longer exist."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, update

from kobo_mirror.store.tables import submissions

TOMBSTONE = ("asset_uid", "kobo_id", "state", "reason", "first_seen_at", "deleted_at")
"""The columns that a tombstone of a submission that was never stored fills."""
NEVER_STORED = "never stored"
"""The reason of such a tombstone."""
_ANSWERS = ("document_digest", "row_digest", "submitted_by", "validation_status", "validation_timestamp")


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

    :param connection: the transaction that has locked the rows.
    :param asset_uid: the form's uid.
    :param ids: ``_id`` of each submission; the ledger has a row of each.
    :param moment: when they were deleted, by the database's clock (UTC).
    :param reason: what the ledger says of the delete; None for one that counts for the delete guard.
    :param keep_payloads: leave the raw submissions, as ``KOBO_KEEP_PAYLOADS=all`` wants it.
    """
    if not ids:
        return
    kept = {"state": "deleted", "deleted_at": moment, "reason": reason}
    cleared = dict.fromkeys((*_ANSWERS, *(() if keep_payloads else ("payload",))))
    mine = (submissions.c.asset_uid == asset_uid) & submissions.c.kobo_id.in_(ids)
    connection.execute(update(submissions).where(mine).values(kept | cleared))


def tombstone(asset_uid: str, kobo_id: int, moment: datetime) -> tuple[Any, ...]:
    """Return the tombstone of a submission that was never stored: its cells in the order of ``TOMBSTONE``.

    :param asset_uid: the form's uid.
    :param kobo_id: the submission's ``_id``.
    :param moment: when it was deleted, by the database's clock (UTC).
    """
    return (asset_uid, kobo_id, "deleted", NEVER_STORED, moment, moment)
