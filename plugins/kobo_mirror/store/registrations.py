"""What is remembered of a webhook's registration, so that a second run does nothing."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Engine, delete, func, select, update

from kobo_mirror.database.bulk import Write, write
from kobo_mirror.database.engine import moment_of, reading, transact
from kobo_mirror.store.tables import registrations

_COLUMNS = (
    "asset_uid",
    "endpoint",
    "way",
    "hook_uid",
    "secret_fingerprint",
    "registered_at",
    "failures_read_until",
)


class Remembered(NamedTuple):
    """A registration as it was when we last looked."""

    channel: str
    endpoint: str
    hook_uid: str | None
    secret_fingerprint: str


def remembered(engine: Engine, asset_uid: str) -> list[Remembered]:
    """What is remembered for a form."""
    t = registrations.c
    query = select(t.way, t.endpoint, t.hook_uid, t.secret_fingerprint).where(t.asset_uid == asset_uid)
    with reading(engine) as connection:
        return [Remembered(*row) for row in connection.execute(query.order_by(t.registered_at))]


def remember(engine: Engine, asset_uid: str, registration: Remembered) -> None:
    """Keep a registration in place of what was known of the form; a REST Service's log goes on as it was."""

    def work(connection: Connection) -> None:
        t = registrations.c
        mine = t.asset_uid == asset_uid
        channel, endpoint, hook_uid, secret = registration
        read = select(func.max(t.failures_read_until)).where(mine, t.hook_uid == hook_uid)
        until = connection.execute(read).scalar_one()
        moment = moment_of(connection)
        connection.execute(delete(registrations).where(mine))
        row = (asset_uid, endpoint, channel, hook_uid, secret, moment, until)
        write(connection, Write(registrations, _COLUMNS, [row]))

    transact(engine, work)


class Service(NamedTuple):
    """A REST Service of ours, and up to where its failures have been read (by the server's clock)."""

    endpoint: str
    hook_uid: str
    failures_read_until: datetime | None


def services(connection: Connection, asset_uid: str) -> list[Service]:
    """The REST Services that are remembered for a form."""
    t = registrations.c
    query = select(t.endpoint, t.hook_uid, t.failures_read_until)
    rows = connection.execute(query.where(t.asset_uid == asset_uid, t.hook_uid.is_not(None)))
    return [Service(*row) for row in rows]


def secrets_of(connection: Connection, asset_uid: str) -> frozenset[str]:
    """The fingerprints of the secrets that new submissions of a form are posted with."""
    t = registrations.c
    query = select(t.secret_fingerprint).where(t.asset_uid == asset_uid)
    return frozenset(connection.execute(query).scalars())


def note_failures_read(connection: Connection, asset_uid: str, endpoint: str, until: datetime) -> None:
    """Note that every failure up to that moment is on the fetch list."""
    t = registrations.c
    mine = (t.asset_uid == asset_uid) & (t.endpoint == endpoint)
    connection.execute(update(registrations).where(mine).values(failures_read_until=until))
