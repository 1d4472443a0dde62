"""The lease: the right to pull a form, with a fencing token that makes the page of a stale task harmless."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, insert, select, update

from kobo_mirror.database.engine import now, transact
from kobo_mirror.errors import LeaseError
from kobo_mirror.store.tables import leases

PROCESS = " (process "
"""What stands in a holder's name between its purpose and the number of its process."""

_HOLDER_LENGTH = 255
LIFETIME = timedelta(minutes=5)


@dataclass(frozen=True)
class Lease:
    """What a puller shows in each of its transactions.

    :param asset_uid: the form's uid.
    :param holder: who has it: a run's name.
    :param fencing_token: a number that rises each time the lease is taken.
    """

    asset_uid: str
    holder: str
    fencing_token: int


def process_holder(purpose: str) -> str:
    """Return a holder's name by which others on this machine can tell that this process has died.

    :param purpose: what the process does, such as ``sync``; cut where the name would be too long.
    """
    place = f"{PROCESS}{os.getpid()} on {socket.gethostname()})"
    return purpose[: _HOLDER_LENGTH - len(place)] + place


def take_lease(engine: Engine, asset_uid: str, holder: str) -> Lease:
    """Take the lease, or take it again under a new fencing token.

    A stamp that is more than five minutes ahead was made before the database's clock was set back, and counts
    as none.

    :param engine: the database.
    :param asset_uid: the form's uid.
    :param holder: who takes it. A holder that has it already may take it again.
    :returns: the lease.
    :raises LeaseError: another holder has renewed it in the last five minutes, and its process lives.
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
    """Take the lease again, under a new fencing token, for another attempt of a step.

    :param engine: the database.
    :param asset_uid: the form's uid.
    :param holder: who must still have it, so that a late step of an older run cannot stop a newer one.
    :returns: the lease.
    :raises LeaseError: it was taken over or given back.
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
    name, _, place = holder.rpartition(PROCESS)
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
    """Note that the holder is alive.

    :param engine: the database.
    :param lease: the lease as it was taken.
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
    """Give the lease back, if the holder has it.

    :param engine: the database.
    :param asset_uid: the form's uid.
    :param holder: who may have it.
    """

    def work(connection: Connection) -> None:
        connection.execute(
            update(leases)
            .where(leases.c.asset_uid == asset_uid, leases.c.holder == holder)
            .values(holder=None, since=None)
        )

    transact(engine, work)


def check_lease(connection: Connection, lease: Lease) -> datetime:
    """Lock the lease shared until the transaction ends.

    A takeover waits for this transaction, so that whatever it writes is older than what the new holder asks
    for.

    :param connection: an open transaction.
    :param lease: the lease as it was taken.
    :returns: the database's clock (UTC).
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
