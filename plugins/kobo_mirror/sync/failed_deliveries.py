"""Failed deliveries: enqueue each submission that KoboToolbox could not post to the webhook."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from kobo_mirror.database.engine import reading, transact
from kobo_mirror.errors import NotPermittedError
from kobo_mirror.kobo.responses import ForeignResponseError
from kobo_mirror.store.leases import Lease, check_lease
from kobo_mirror.store.refetch_queue import FAILED_DELIVERY, enqueue
from kobo_mirror.store.registrations import Service, note_failures_read, services
from kobo_mirror.sync.source import Source

_FAILED = 0


def enqueue_failed_deliveries(source: Source, lease: Lease) -> int:
    """Enqueue the submissions of deliveries that have failed since this was done last.

    The server gives most failures up at once (kobo-api.md §5.4), but its logs name them (§5.5). A token that
    may not read them, or a filter before them, is no error: the pull and the sweep find the same submissions.

    :param source: what the sync works with.
    :param lease: the lease that the run holds.
    :returns: how many failures were new.
    """
    with reading(source.engine) as connection:
        known = services(connection, source.mirror.asset_uid)
    return sum(_ask(source, lease, service) for service in known)


def _ask(source: Source, lease: Lease, service: Service) -> int:
    until = service.failures_read_until
    try:
        logs = list(source.client.hook_logs(service.hook_uid, _FAILED, since=until))
    except (NotPermittedError, ForeignResponseError):
        return 0
    new = [log for log in logs if until is None or _time(log) > until]
    if new:
        _note(source, lease, service, new)
    return len(new)


def _note(source: Source, lease: Lease, service: Service, logs: list[dict[str, Any]]) -> None:
    def work(connection: Connection) -> None:
        check_lease(connection, lease)
        asset = source.mirror.asset_uid
        ids = [log["submission_id"] for log in logs]
        enqueue(connection, asset, ids, FAILED_DELIVERY)
        note_failures_read(connection, asset, service.endpoint, max(map(_time, logs)))

    transact(source.engine, work)


def _time(log: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(log["date_modified"]).astimezone(UTC).replace(tzinfo=None)
