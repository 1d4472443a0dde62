"""From the settings to what they describe: an engine, a client, and how a whole form is pulled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from sqlalchemy import Engine, make_url

from kobo_mirror.config import Settings
from kobo_mirror.kobo.client import KoboClient
from kobo_mirror.store.database import LONG_STATEMENT, open_engine
from kobo_mirror.sync.mirror import MirrorSync, PullAll
from kobo_mirror.sync.processes import share_pull
from kobo_mirror.sync.pull import Progress

Sleep = Callable[[float], None]


def engine_of(settings: Settings, *, several: bool = False) -> Engine:
    """An engine that waits for long statements.

    :param several: for pulling: rows go with several statements in one message.
    """
    return open_engine(settings.database_url, answer_seconds=LONG_STATEMENT, several=several)


def client_of(settings: Settings, sleep: Sleep = time.sleep) -> KoboClient:
    """A client for the form.

    :param sleep: waits between two attempts, in seconds.
    """
    return KoboClient(
        settings.kobo_url,
        settings.kobo_token,
        settings.kobo_asset_id,
        max_in_flight=settings.kobo_max_in_flight,
        sleep=sleep,
    )


def pull_of(settings: Settings, progress: Progress, sleep: Sleep = time.sleep) -> PullAll | None:
    """A pull that is shared by two processes; None for SQLite, which lets one write at a time."""
    if make_url(settings.database_url).get_backend_name() == "sqlite":
        return None
    another = partial(_another, settings, sleep)
    return partial(share_pull, another=another, in_flight=settings.kobo_max_in_flight, progress=progress)


@contextmanager
def _another(settings: Settings, sleep: Sleep, in_flight: int, progress: Progress) -> Iterator[MirrorSync]:
    engine = engine_of(settings, several=True)
    try:
        with client_of(replace(settings, kobo_max_in_flight=in_flight), sleep) as client:
            yield MirrorSync.configured(settings, client, engine, in_flight=in_flight, progress=progress)
    finally:
        engine.dispose()
