"""The pool that bounds requests to the server across all workers: a slot is a request at once."""

from __future__ import annotations

import os

from kobo_mirror.config.settings import Settings

POOL = "kobo_api"
_DESCRIPTION = (
    "Requests at once to the KoboToolbox server, over all workers. Never fewer than KOBO_MAX_IN_FLIGHT."
)


def requests_at_once() -> int:
    """The slots of a task that reads pages side by side; any other task sends one request after another.

    :raises ConfigurationError: ``KOBO_MAX_IN_FLIGHT`` is malformed. Airflow shows it as an import error.
    """
    given = {"KOBO_MAX_IN_FLIGHT": os.environ.get("KOBO_MAX_IN_FLIGHT", "")}
    return Settings.from_env(env=given).kobo_max_in_flight


def create_pool() -> bool:
    """Create the pool; False where it is there already.

    It has room for two reading tasks side by side and for the one that registers the webhook meanwhile, which
    asks little; but Airflow may take five seconds to notice that it has ended.
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
