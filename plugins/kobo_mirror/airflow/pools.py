"""The pools that bound requests to each server over all workers: a slot for each request under way."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from kobo_mirror.config.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from kobo_mirror.config.forms_file import FormsFile

POOL = "kobo_api"
_NO_NAME = re.compile(r"[^A-Za-z0-9.-]+")
_DESCRIPTION = (
    "Requests at once to the KoboToolbox server, over all workers. Never fewer than KOBO_MAX_IN_FLIGHT."
)


def requests_at_once() -> int:
    """Return the slots that a task needs which reads pages side by side, by ``KOBO_MAX_IN_FLIGHT``.

    Other tasks send one request after the other, and need one slot.

    :raises ConfigurationError: ``KOBO_MAX_IN_FLIGHT`` is malformed. Airflow shows this as an import error.
    """
    given = {"KOBO_MAX_IN_FLIGHT": os.environ.get("KOBO_MAX_IN_FLIGHT", "")}
    return Settings.from_env(env=given).kobo_max_in_flight


def further_servers(file: FormsFile) -> list[str]:
    """Return the servers that ``kobo.yml`` names beside that of all forms: each has a pool of its own.

    :param file: what the file says.
    """
    return sorted({entry.server for entry in file.entries} - {"", file.server})


def pool_of(server: str) -> str:
    """Return the name of the pool that bounds requests to a server.

    :param server: one of :func:`further_servers`; empty: that of the connection, and of all forms.
    """
    if not server:
        return POOL
    return f"{POOL}__{_NO_NAME.sub('_', server.partition('://')[2])}"[:250]


def create_pools(names: Iterable[str] = (POOL,)) -> list[str]:
    """Create pools, unless they exist.

    Each has room for two tasks that read pages, and for the one that registers the webhook meanwhile: that
    one is short, but Airflow may take five seconds to notice that it has ended.

    :param names: of the pools.
    :returns: those that were created.
    """
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session

    with create_session() as session:
        return add_missing(session, Pool, names)


def add_missing(session: Session, pool: Any, names: Iterable[str]) -> list[str]:
    """Add pools that are missing to Airflow's database, in a transaction that is open.

    :param session: of Airflow's database.
    :param pool: Airflow's class of pools, which is imported by the caller.
    :param names: of the pools.
    :returns: those that were missing.
    """
    from sqlalchemy import select

    wanted = set(names)
    missing = sorted(wanted - set(session.scalars(select(pool.pool).where(pool.pool.in_(wanted)))))
    slots = 2 * requests_at_once() + 1
    session.add_all(
        pool(pool=name, slots=slots, description=_DESCRIPTION, include_deferred=False) for name in missing
    )
    return missing
