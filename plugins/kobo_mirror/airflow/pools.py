"""The pool that bounds requests to the server over all workers: a slot for each request under way."""

from __future__ import annotations

import os

from kobo_mirror.config.settings import Settings

POOL = "kobo_api"
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


def create_pool() -> bool:
    """Create the pool, unless it exists.

    It has room for two tasks that read pages, and for the one that registers the webhook meanwhile: that one
    is short, but Airflow may take five seconds to notice that it has ended.

    :returns: True if it was created, False if it existed.
    """
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        if session.scalar(select(Pool.id).where(Pool.pool == POOL)) is not None:
            return False
        slots = 2 * requests_at_once() + 1
        session.add(Pool(pool=POOL, slots=slots, description=_DESCRIPTION, include_deferred=False))
    return True
