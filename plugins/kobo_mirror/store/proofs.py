"""Proofs: when the mirror was compared with its source, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    Connection,
    Engine,
    RowMapping,
    Select,
    String,
    bindparam,
    insert,
    literal,
    select,
    union_all,
)

from kobo_mirror.database.engine import clock, now, reading, transact
from kobo_mirror.store.runs import last_history_gap
from kobo_mirror.store.tables import PROVEN, forms, proofs

DIFFERENCES = ("missing", "extra", "stale", "different")
"""The kinds of difference that a proof can find; each is a column of ``kobo_proofs``."""

_SLACK = timedelta(hours=1)  # a schedule does not start at the same second every day


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What a comparison of the mirror with its server found. Times are UTC, counts are submissions.

    :param whole: every answer was compared, not only edit tokens and digests.
    :param compared: those that the server showed.
    :param missing: not in the mirror; ``extra``: only in the mirror; ``stale``: the mirror holds another
        edit; ``different``: the same edit with other cells.
    :param rejected: those that do not fit the form table; they are no difference.
    :param unreadable: those that the server cannot send: they were not compared.
    """

    id: int = 0
    started_at: datetime
    finished_at: datetime
    whole: bool
    compared: int = 0
    missing: int = 0
    extra: int = 0
    stale: int = 0
    different: int = 0
    rejected: int = 0
    unreadable: int = 0

    @property
    def differences(self) -> int:
        """How many differences it found, of all kinds together."""
        return self.missing + self.extra + self.stale + self.different

    @property
    def equal(self) -> bool:
        """True if it found no difference in what it compared."""
        return not self.differences

    @property
    def sentence(self) -> str:
        """What it found, such as ``5000 compared, 3 rejected``."""
        counts = ((name, getattr(self, name)) for name in (*PROVEN, "unreadable"))
        return ", ".join(f"{count} {name}" for name, count in counts if count) or "an empty form"


class LastProofs(NamedTuple):
    """The newest proof of a form, and the newest one that compared every answer; None: there is none."""

    newest: Proof | None
    full: Proof | None


_COLUMNS = [proofs.c[field.name] for field in fields(Proof)]


def _proof_of(row: RowMapping) -> Proof:
    return Proof(**{column.name: row[column.name] for column in _COLUMNS})


def note_proof(
    engine: Engine, asset_uid: str, *, started_at: datetime, whole: bool, found: Mapping[str, int]
) -> None:
    """Store the result of a proof.

    :param engine: the mirror's database.
    :param asset_uid: the form's uid.
    :param started_at: when it began, by the database's clock (UTC).
    :param whole: every answer was compared, not only edit tokens and digests.
    :param found: ``compared``, ``rejected``, ``unreadable`` and the number of differences of each kind.
    :raises DatabaseError: it could not be stored.
    """
    values = {"asset_uid": asset_uid, "started_at": started_at, "finished_at": now(), "whole": whole, **found}
    transact(engine, lambda connection: connection.execute(insert(proofs).values(values)))


def _select_newest(asset_uid: str | BindParameter[str], *, whole: bool) -> Select[Any]:
    query = select(*_COLUMNS).where(proofs.c.asset_uid == asset_uid).order_by(proofs.c.id.desc()).limit(1)
    return query.where(proofs.c.whole) if whole else query


def last_proof(connection: Connection, asset_uid: str, *, whole: bool = False) -> Proof | None:
    """Return the newest proof of a form, or None.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param whole: only those that compared every answer.
    """
    row = connection.execute(_select_newest(asset_uid, whole=whole)).mappings().one_or_none()
    return _proof_of(row) if row else None


def last_proofs(connection: Connection, asset_uid: str) -> LastProofs:
    """Return the newest proof of a form and the newest full one, read in one statement.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    """
    rows = connection.execute(_select_last_proofs(), {"asset_uid": asset_uid}).mappings()
    found = {row["role"]: _proof_of(row) for row in rows}
    return LastProofs(found.get("newest"), found.get("full"))


def last_proofs_of_all(connection: Connection) -> dict[str, LastProofs]:
    """Return what ``last_proofs`` does for each form that is bound, by its key, in two statements.

    :param connection: an open transaction.
    """
    rows = connection.execute(_select_ids_of_last_proofs()).all()
    ids = {proof_id for row in rows for proof_id in row[1:] if proof_id is not None}
    query = select(*_COLUMNS).where(proofs.c.id.in_(sorted(ids)))
    found = {row["id"]: _proof_of(row) for row in connection.execute(query).mappings()} if ids else {}
    return {key: LastProofs(found.get(newest), found.get(full)) for key, newest, full in rows}


@cache
def _select_ids_of_last_proofs() -> Select[Any]:
    key, t = forms.c.asset_uid, proofs.c
    # By asset_uid, too, or MariaDB may walk the primary key.
    newest = select(t.id).where(t.asset_uid == key).order_by(t.asset_uid.desc(), t.id.desc()).limit(1)
    return select(key, newest.scalar_subquery(), newest.where(t.whole).scalar_subquery())


@cache
def _select_last_proofs() -> CompoundSelect[Any]:
    """Return the statement of ``last_proofs``, made once: that takes longer than to execute it."""
    parts = []
    for role, whole in (("newest", False), ("full", True)):
        one = _select_newest(bindparam("asset_uid", type_=String), whole=whole).subquery()
        parts.append(select(literal(role).label("role"), *one.c))
    return union_all(*parts)


def full_proof_is_due(engine: Engine, asset_uid: str, every_days: int) -> bool:
    """Return True if the next proof of a form should compare every answer.

    It should if no proof has done so yet, if the newest full one began ``every_days`` ago or earlier, if that
    one found a difference (a quick proof may not see it), or if a run after it missed a part of the server's
    history.

    :param engine: the mirror's database.
    :param asset_uid: the form's uid.
    :param every_days: days between two full proofs; 0: never.
    :raises DatabaseError: the proofs cannot be read.
    """
    if not every_days:
        return False
    with reading(engine) as connection:
        proof = last_proof(connection, asset_uid, whole=True)
        gap = last_history_gap(connection, asset_uid)
    if proof is None or not proof.equal:
        return True
    if gap is not None and proof.started_at < gap:
        return True
    return proof.started_at <= clock(engine) - timedelta(days=every_days) + _SLACK
