"""Removal: what no longer exists on the server leaves the mirror, by proof and behind a brake."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from kobo_mirror.errors import DeletesWaitError, ServerError
from kobo_mirror.kobo.client import FormInfo, KoboClient
from kobo_mirror.store import runs
from kobo_mirror.store.database import reading, transact
from kobo_mirror.store.exchange import Absent
from kobo_mirror.store.fetch_list import Entry
from kobo_mirror.store.leases import Lease
from kobo_mirror.store.ledger import deleted_since, existing, state_counts
from kobo_mirror.sync.pull import Source

ASK_AT_ONCE = 249  # and a witness: 250 ids in a URL (kobo-api.md §1.2)
_BRAKE_LEAST = 10
_BRAKE_SHARE = 0.05
_BRAKE_TIME = timedelta(hours=24)
_NAMED = 10
_WITNESSES = 3  # one may be the trace of a submission that was never completed (kobo-api.md §1.3)


class _Proof(NamedTuple):
    entries: list[Entry]
    sent_at: datetime


def remove_absent(
    source: Source, lease: Lease, run_id: int, entries: Sequence[Entry], confirmed: str | None
) -> bool:
    """Delete what is gone: each id was asked for together with a witness, and only the witness came.

    :param entries: entries of the fetch list that the server had no submission for.
    :param confirmed: the mark of a waiting list that a person has confirmed, or None.
    :returns: whether some of them have come back meanwhile, so that they must be asked for again.
    :raises ServerError: an absence could not be proven; none of them was deleted.
    :raises DeletesWaitError: there are too many, or they are the form's last: none of them was deleted.
        Likewise where this token sees only some of the submissions, or its rights changed meanwhile.
    """
    if not entries:
        return False
    before = source.client.form()
    _require_full_view(before, len(entries))
    waiting = _waiting(source, entries)
    with reading(source.engine) as connection:
        mark = mark_of(connection, source.mirror.asset_uid, waiting)
    used = _pass_brake(source, waiting, mark, confirmed)
    proofs = list(_proofs(source, entries, last_rows=used))
    if source.client.form().permissions != before.permissions:
        raise DeletesWaitError("The token's rights changed while deletes were proven: nothing was deleted.")
    if used:
        transact(source.engine, lambda connection: runs.confirm(connection, run_id, mark))
    for proof in proofs:
        source.writer.remove(
            Absent(
                ids=[int(entry.ref) for entry in proof.entries],
                sent_at=proof.sent_at,
                lease=lease,
                run_id=run_id,
                settled=proof.entries,
                reason=f"confirmed {mark}" if used else None,
            )
        )
    return bool(proofs) and sum(len(proof.entries) for proof in proofs) < len(entries)


def _require_full_view(form: FormInfo, absent: int) -> None:
    if form.restricted or "view_submissions" not in form.permissions:
        raise DeletesWaitError(
            f"{absent} submissions are no longer shown, but this token sees only some of the form's "
            "submissions, so nothing was deleted: use the token of an account that may view all of them."
        )


def _waiting(source: Source, entries: Sequence[Entry]) -> list[int]:
    found: list[int] = []
    with reading(source.engine) as connection:
        for first in range(0, len(entries), ASK_AT_ONCE):
            ids = [int(entry.ref) for entry in entries[first : first + ASK_AT_ONCE]]
            found += existing(connection, source.mirror.asset_uid, ids)
    return sorted(found)


def mark_of(connection: Connection, asset_uid: str, waiting: Sequence[int]) -> str:
    """What a person confirms a list of deletes by: it fits this very list, and once."""
    salt = runs.confirmations(connection, asset_uid)
    text = f"{asset_uid} {salt} {','.join(map(str, waiting))}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _pass_brake(source: Source, waiting: Sequence[int], mark: str, confirmed: str | None) -> bool:
    """Whether the confirmation was needed; without a fitting one the brake holds."""
    if not waiting:
        return False

    def figures(connection: Connection) -> tuple[int, int]:
        asset = source.mirror.asset_uid
        counts = state_counts(connection, asset)
        return counts.get("applied", 0) + counts.get("rejected", 0), deleted_since(
            connection, asset, _BRAKE_TIME
        )

    with reading(source.engine) as connection:
        size, recent = figures(connection)
    most = max(_BRAKE_LEAST, _BRAKE_SHARE * (size + recent))
    if len(waiting) + recent <= most and len(waiting) < size:
        return False
    if confirmed == mark:
        return True
    named = ", ".join(map(str, waiting[:_NAMED])) + (" …" if len(waiting) > _NAMED else "")
    stale = " The confirmation given names another list." if confirmed else ""
    raise DeletesWaitError(
        f"{len(waiting)} of {size} submissions have gone from the server ({named}). Nothing was deleted."
        f"{stale} If that is meant, confirm this list: {mark}"
    )


def _proofs(source: Source, entries: Sequence[Entry], *, last_rows: bool) -> Iterator[_Proof]:
    for first in range(0, len(entries), ASK_AT_ONCE):
        some = entries[first : first + ASK_AT_ONCE]
        sent_at = source.sent_at()
        shown = _asked_with_witness(source.client, {int(entry.ref) for entry in some})
        if shown or last_rows:
            yield _Proof([entry for entry in some if int(entry.ref) not in shown], sent_at)


def _asked_with_witness(client: KoboClient, ids: set[int]) -> set[int]:
    """Which of these ids and a witness the server shows; nothing if it counts no submission at all.

    :raises ServerError: it does not show what it has just named, so that an absence says nothing.
    """
    for _ in range(_WITNESSES):
        witness = client.newest_id()
        if witness is None and client.count() == 0:
            return set()
        shown = set(client.by_ids(sorted(ids | {witness})).ids) if witness is not None else set()
        if witness in shown:
            return shown
    raise ServerError("The server does not show a submission that it has just named: nothing was deleted.")
