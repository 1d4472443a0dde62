"""The history of the proofs: when the mirror was compared with its source, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, Engine, RowMapping, insert, select

from kobo_mirror.store.database import now, transact
from kobo_mirror.store.tables import proofs


def note_proof(
    engine: Engine, asset_uid: str, *, started_at: datetime, whole: bool, found: Mapping[str, int]
) -> None:
    """Keep the result of a proof.

    :param whole: every cell was compared, not only edit tokens and digests.
    :param found: ``compared``, ``rejected`` and the number of differences of each kind.
    """
    values = {"asset_uid": asset_uid, "started_at": started_at, "finished_at": now(), "whole": whole, **found}
    transact(engine, lambda connection: connection.execute(insert(proofs).values(values)))


def last_proof(connection: Connection, asset_uid: str) -> RowMapping | None:
    """The newest proof of a form."""
    query = select(proofs).where(proofs.c.asset_uid == asset_uid).order_by(proofs.c.id.desc()).limit(1)
    return connection.execute(query).mappings().one_or_none()
