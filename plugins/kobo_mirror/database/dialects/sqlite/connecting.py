"""Connections to SQLite: journal, clock, and waiting for the one writer that a file takes."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from kobo_mirror.database.errors import is_collision
from kobo_mirror.errors import DatabaseError

# Seconds that SQLite itself waits for a lock in greenlets: all of them wait meanwhile.
_BLOCKING_SECONDS = 0.02


class Connecting:
    """Makes the connections of one engine; see ``Connector`` and ``Dialect.connector``.

    :param url: of a file.
    :param named: what a person knows the address by, for errors.
    :param in_greenlets: the engine is used by gevent's greenlets, which must wait in Python.
    """

    def __init__(self, url: URL, *, named: str, in_greenlets: bool) -> None:
        self.url = url
        self._named, self._in_greenlets = named, in_greenlets

    def engine_options(self, patience: float, answer_seconds: float) -> dict[str, Any]:
        """Return further arguments of ``create_engine``.

        :param patience: seconds that a lock may be waited for.
        :param answer_seconds: ignored: no statement of SQLite's waits for a server.
        """
        return {"connect_args": {"timeout": _BLOCKING_SECONDS if self._in_greenlets else patience}}

    def listen(self, engine: Engine) -> None:
        """Subscribe to the events of an engine's connections.

        :param engine: made with this address and these options.
        """
        event.listen(engine, "do_connect", self._connect)
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", self._begin)

    def _connect(self, dialect: sqlalchemy.Dialect, _: Any, args: list[Any], options: dict[str, Any]) -> Any:
        try:
            return dialect.connect(*args, **options)
        except (TypeError, ValueError):  # the driver's text may hold the address
            raise DatabaseError(f"{self._named} has options that SQLite does not take.") from None

    def _begin(self, connection: Connection) -> None:
        options = connection.get_execution_options()
        retrying = Retrying(
            retry=retry_if_exception(is_collision),
            wait=wait_random(0.001, 2 * _BLOCKING_SECONDS),
            stop=stop_after_delay(options["patience"] if self._in_greenlets else 0),
            reraise=True,
        )
        retrying(connection.exec_driver_sql, "BEGIN" if options.get("reading") else "BEGIN IMMEDIATE")


def _prepare(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.create_function("kobo_now", 0, _now_text)


def _now_text() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
