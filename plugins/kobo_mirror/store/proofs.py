"""The history of the proofs: when the mirror was compared with its source, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, RowMapping, insert, select

from kobo_mirror.database.engine import clock, now, reading, transact
from kobo_mirror.store.runs import last_history_gap
from kobo_mirror.store.tables import proofs

_SLACK = timedelta(hours=1)  # a schedule does not start at the same second every day


def note_proof(
    engine: Engine, asset_uid: str, *, started_at: datetime, whole: bool, found: Mapping[str, int]
) -> None:
    """Keep the result of a proof.

    :param whole: every cell was compared, not only edit tokens and digests.
    :param found: ``compared``, ``rejected`` and the number of differences of each kind.
    """
    values = {"asset_uid": asset_uid, "started_at": started_at, "finished_at": now(), "whole": whole, **found}
    transact(engine, lambda connection: connection.execute(insert(proofs).values(values)))


def last_proof(connection: Connection, asset_uid: str, *, whole: bool = False) -> RowMapping | None:
    """The newest proof of a form.

    :param whole: of those that compared every answer.
    """
    query = select(proofs).where(proofs.c.asset_uid == asset_uid).order_by(proofs.c.id.desc()).limit(1)
    if whole:
        query = query.where(proofs.c.whole)
    return connection.execute(query).mappings().one_or_none()


def full_proof_is_due(engine: Engine, asset_uid: str, every_days: int) -> bool:
    """Whether the next proof of a form should compare every answer.

    It should where no proof has done so yet, where the newest one that did began ``every_days`` ago or
    earlier, where that one found a difference, since a quick proof may be blind to it, and where a run after
    it missed a part of the history.

    :param every_days: 0: never.
    :raises DatabaseError: the proofs cannot be read.
    """
    if not every_days:
        return False
    with reading(engine) as connection:
        proof = last_proof(connection, asset_uid, whole=True)
        gap = last_history_gap(connection, asset_uid)
    if proof is None or any(proof[kind] for kind in ("missing", "extra", "stale", "different")):
        return True
    started_at: datetime = proof["started_at"]
    if gap is not None and started_at < gap:
        return True
    return started_at <= clock(engine) - timedelta(days=every_days) + _SLACK
