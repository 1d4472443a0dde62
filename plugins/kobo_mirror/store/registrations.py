"""Where KoboToolbox posts new submissions to, as it was last seen: a second registration changes nothing."""

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


_T = registrations.c
_SHOWN = select(
    _T.asset_uid, _T.endpoint, _T.way, _T.registered_at, _T.failures_read_until, _T.secret_fingerprint
).order_by(_T.endpoint)


class Remembered(NamedTuple):
    """A registration as it was when the server was last asked.

    :param channel: ``rest_service`` (a REST Service of the form) or ``registrar`` (an external registrar).
    :param endpoint: the address that is posted to.
    :param hook_uid: the uid of the REST Service; None where a registrar keeps it.
    :param secret_fingerprint: of the secret that it is posted with.
    """

    channel: str
    endpoint: str
    hook_uid: str | None
    secret_fingerprint: str


class Registration(NamedTuple):
    """A registration as ``status`` and the page show it.

    :param failures_read_until: up to where its failed deliveries have been read, by the server's clock (UTC).
    """

    endpoint: str
    channel: str
    registered_at: datetime
    failures_read_until: datetime | None
    secret_fingerprint: str


class Service(NamedTuple):
    """A REST Service of ours, and up to where its failed deliveries have been read (server's clock, UTC)."""

    endpoint: str
    hook_uid: str
    failures_read_until: datetime | None


def remembered(engine: Engine, asset_uid: str) -> list[Remembered]:
    """Return the registrations of a form, the oldest first.

    :param engine: the mirror's database.
    :param asset_uid: the form's uid.
    """
    t = registrations.c
    query = select(t.way, t.endpoint, t.hook_uid, t.secret_fingerprint).where(t.asset_uid == asset_uid)
    with reading(engine) as connection:
        return [Remembered(*row) for row in connection.execute(query.order_by(t.registered_at))]


def remember(engine: Engine, asset_uid: str, registration: Remembered) -> None:
    """Store a registration in place of those that were known of the form.

    How far the log of the same REST Service was read is kept.

    :param engine: the mirror's database.
    :param asset_uid: the form's uid.
    :param registration: as the server has it now.
    """

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


def forget(engine: Engine, asset_uid: str) -> None:
    """Forget the registrations of a form: nothing is posted to us any longer.

    :param engine: the mirror's database.
    :param asset_uid: the form key.
    """

    def work(connection: Connection) -> None:
        connection.execute(delete(registrations).where(registrations.c.asset_uid == asset_uid))

    transact(engine, work)


def registrations_of(connection: Connection, asset_uid: str) -> list[Registration]:
    """Return where new submissions of a form are posted to, by address.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    """
    rows = connection.execute(_SHOWN.where(registrations.c.asset_uid == asset_uid))
    return [Registration(*row[1:]) for row in rows]


def registrations_of_all(connection: Connection) -> dict[str, list[Registration]]:
    """Return what ``registrations_of`` does for each form that has any, by its key.

    :param connection: an open transaction.
    """
    found: dict[str, list[Registration]] = {}
    for row in connection.execute(_SHOWN):
        found.setdefault(row[0], []).append(Registration(*row[1:]))
    return found


def services(connection: Connection, asset_uid: str) -> list[Service]:
    """Return the REST Services that are known for a form.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    """
    t = registrations.c
    query = select(t.endpoint, t.hook_uid, t.failures_read_until)
    rows = connection.execute(query.where(t.asset_uid == asset_uid, t.hook_uid.is_not(None)))
    return [Service(*row) for row in rows]


def note_failures_read(connection: Connection, asset_uid: str, endpoint: str, until: datetime) -> None:
    """Note that every delivery that failed up to that moment is on the refetch queue.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param endpoint: the address that the deliveries were posted to.
    :param until: by the server's clock (UTC).
    """
    t = registrations.c
    mine = (t.asset_uid == asset_uid) & (t.endpoint == endpoint)
    connection.execute(update(registrations).where(mine).values(failures_read_until=until))
