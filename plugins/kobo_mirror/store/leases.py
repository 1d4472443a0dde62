"""The lease: the right to pull one form, with a fencing number that makes a zombie's late page harmless."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, insert, select, update

from kobo_mirror.database.engine import now, transact
from kobo_mirror.errors import LeaseError
from kobo_mirror.store.tables import leases

_HOLDER_LENGTH = 255
LIFETIME = timedelta(minutes=5)


@dataclass(frozen=True)
class Lease:
    """What a puller shows in each of its transactions."""

    asset_uid: str
    holder: str
    fencing_token: int


def process_holder(purpose: str) -> str:
    """A holder's name from which another process on this machine can tell that this one has died."""
    place = f" (process {os.getpid()} on {socket.gethostname()})"
    return purpose[: _HOLDER_LENGTH - len(place)] + place


def take_lease(engine: Engine, asset_uid: str, holder: str) -> Lease:
    """Take the lease, or take it again under a new number.

    A stamp that is more than five minutes ahead was made before the database's clock was set back, and counts
    as none.

    :raises LeaseError: another holder has it and has renewed it in the last five minutes.
    """

    def work(connection: Connection) -> Lease:
        row = connection.execute(
            select(leases, now()).where(leases.c.asset_uid == asset_uid).with_for_update()
        ).one_or_none()
        if row is None:
            connection.execute(
                insert(leases).values(
                    asset_uid=asset_uid, holder=holder, fencing_number=1, since=now(), renewed_at=now()
                )
            )
            return Lease(asset_uid, holder, 1)
        current, moment = row[1], row[-1]
        is_fresh = row.renewed_at is not None and abs(row.renewed_at - moment) < LIFETIME
        if current not in (None, holder) and is_fresh and not _has_died(current):
            since = f" since {row.since:%Y-%m-%d %H:%M:%S} UTC" if row.since else ""
            raise LeaseError(f"Sync {current} holds this form{since}: wait until it ends.")
        number = row.fencing_number + 1
        connection.execute(
            update(leases)
            .where(leases.c.asset_uid == asset_uid)
            .values(
                holder=holder,
                fencing_number=number,
                since=row.since if current == holder else now(),
                renewed_at=now(),
            )
        )
        return Lease(asset_uid, holder, number)

    return transact(engine, work)


def retake_lease(engine: Engine, asset_uid: str, holder: str) -> Lease:
    """Take the lease again, under a new number, where this holder still has it: another attempt of its step.

    :raises LeaseError: it was taken over or given back. So a step of an older run that comes late stops no
        newer one.
    """

    def work(connection: Connection) -> Lease:
        query = select(leases.c.fencing_number, leases.c.holder).where(leases.c.asset_uid == asset_uid)
        row = connection.execute(query.with_for_update()).one_or_none()
        lease = Lease(asset_uid, holder, row[0] + 1 if row else 0)
        if row is None or row[1] != holder:
            raise _taken_over(lease)
        mine = update(leases).where(leases.c.asset_uid == asset_uid)
        connection.execute(mine.values(fencing_number=lease.fencing_token, renewed_at=now()))
        return lease

    return transact(engine, work)


def _has_died(holder: str) -> bool:
    name, _, place = holder.rpartition(" (process ")
    pid, _, host = place.removesuffix(")").partition(" on ")
    if not name or not pid.isdecimal() or host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return int(pid) == os.getpid()


def renew_lease(engine: Engine, lease: Lease) -> None:
    """Say that the holder is alive.

    :raises LeaseError: the lease was taken over.
    """

    def work(connection: Connection) -> int:
        return connection.execute(
            update(leases)
            .where(
                leases.c.asset_uid == lease.asset_uid,
                leases.c.fencing_number == lease.fencing_token,
                leases.c.holder == lease.holder,
            )
            .values(renewed_at=now())
        ).rowcount

    if transact(engine, work) == 0:
        raise _taken_over(lease)


def release_lease(engine: Engine, asset_uid: str, holder: str) -> None:
    """Give the lease back, if this holder has it."""

    def work(connection: Connection) -> None:
        connection.execute(
            update(leases)
            .where(leases.c.asset_uid == asset_uid, leases.c.holder == holder)
            .values(holder=None, since=None)
        )

    transact(engine, work)


def check_lease(connection: Connection, lease: Lease) -> datetime:
    """Hold the lease until the transaction ends and tell the database's time.

    The shared lock makes a takeover wait for this transaction, so that whatever it writes is older than
    what the new holder asks for.

    :raises LeaseError: the lease was taken over or given back.
    """
    row = connection.execute(
        select(leases.c.fencing_number, leases.c.holder, now())
        .where(leases.c.asset_uid == lease.asset_uid)
        .with_for_update(read=True)
    ).one_or_none()
    if row is None or row[0] != lease.fencing_token or row[1] != lease.holder:
        raise _taken_over(lease)
    moment: datetime = row[2]
    return moment


def _taken_over(lease: Lease) -> LeaseError:
    return LeaseError(
        f"Another sync has taken this form over from {lease.holder}: this one has ended without harm."
    )
