"""From the settings to what they describe: an engine for the database."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine

from kobo_mirror.config.settings import Settings
from kobo_mirror.database.engine import LONG_STATEMENT, open_engine

Sleep = Callable[[float], None]


def engine_of(settings: Settings, *, must_exist: bool = False) -> Engine:
    """Return an engine for the database, which waits for statements that take long.

    :param settings: name the database.
    :param must_exist: the command makes no tables, and so no file either.
    :raises MissingTablesError: there is no such file.
    """
    return open_engine(settings.database_url, answer_seconds=LONG_STATEMENT, must_exist=must_exist)
