"""From the settings to what they describe: an engine for the database, a client for the form."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import Engine

from kobo_mirror.config.settings import Settings
from kobo_mirror.database.engine import LONG_STATEMENT, open_engine
from kobo_mirror.kobo.form import KoboClient, open_form

Sleep = Callable[[float], None]


def engine_of(settings: Settings) -> Engine:
    """Return an engine for the database, which waits for statements that take long.

    :param settings: name the database.
    """
    return open_engine(settings.database_url, answer_seconds=LONG_STATEMENT)


def client_of(settings: Settings, sleep: Sleep = time.sleep) -> KoboClient:
    """Return a client for the form.

    :param settings: name the server, the token, the form and the requests at once.
    :param sleep: waits between two attempts, for the seconds it is given.
    """
    return open_form(
        settings.kobo_url,
        settings.kobo_token,
        settings.kobo_asset_id,
        max_in_flight=settings.kobo_max_in_flight,
        sleep=sleep,
    )
