"""Figures of a mirror for whoever watches it: what waits, when it was synced and proven, what was found."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Engine

from kobo_mirror.database.engine import reading
from kobo_mirror.store import runs
from kobo_mirror.store.dead_letters import letters_waiting
from kobo_mirror.store.proofs import last_proof
from kobo_mirror.store.refetch_queue import waiting

_DIFFERENCES = ("missing", "extra", "stale", "different")


def figures(engine: Engine, asset_uid: str) -> dict[str, float]:
    """Counts, and moments in seconds since 1970; what has never happened is left out.

    :raises DatabaseError, SchemaError: the database cannot be asked.
    """
    with reading(engine) as connection:
        found: dict[str, float] = {
            "dead_letters_waiting": letters_waiting(connection, asset_uid),
            "to_fetch": waiting(connection, asset_uid),
        }
        if last := runs.last_finished(connection, asset_uid, well=True):
            found["last_sync_timestamp_seconds"] = _seconds(last["finished_at"])
            found["last_sync_inserted"] = last["inserted"]
        if exact := runs.last_finished(connection, asset_uid, "exact", well=True):
            found["last_exact_sync_timestamp_seconds"] = _seconds(exact["finished_at"])
        if proof := last_proof(connection, asset_uid):
            found["last_proof_timestamp_seconds"] = _seconds(proof["finished_at"])
            found["last_proof_differences"] = sum(proof[kind] for kind in _DIFFERENCES)
            found["rejections"] = proof["rejected"]
    return found


def _seconds(moment: datetime) -> float:
    return moment.replace(tzinfo=UTC).timestamp()
