"""How we talk to MySQL, MariaDB and SQLite: engines, clock, transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from typing import Any, TypeVar

from sqlalchemy import Connection, DateTime, Dialect, Engine, create_engine, event, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    stop_any,
    wait_random,
)

from kobo_mirror.database.connecting import SEVERAL, Connecting
from kobo_mirror.database.errors import database_errors, is_collision, is_lost
from kobo_mirror.errors import ConfigurationError, DatabaseError

T = TypeVar("T")

ADDRESS = "address"
"""The execution option by which an engine's whole address, options and password, is told from another."""
_ATTEMPTS = 25
_SHORT_PAUSE, _LONG_PAUSE = wait_random(0.001, 0.05), wait_random(0.1, 0.3)


class now(FunctionElement[datetime]):  # an SQL function, named like one
    """The database's clock, UTC, six digits."""

    type = DateTime()
    inherit_cache = True


@compiles(now, "mysql", "mariadb")
def _now_mysql(element: Any, compiler: Any, **_: Any) -> str:
    return "UTC_TIMESTAMP(6)"


@compiles(now, "sqlite")
def _now_sqlite(element: Any, compiler: Any, **_: Any) -> str:
    return "kobo_now()"


_NOW = select(now())


def moment_of(connection: Connection) -> datetime:
    """The database's clock (UTC, naive)."""
    moment: datetime = connection.execute(_NOW).scalar_one()
    return moment


_SQLITE_BLOCKS = 0.02  # seconds that SQLite waits for a lock by itself, and keeps all greenlets waiting

LONG_STATEMENT = 900.0
"""Seconds: a count of millions takes its time."""


def open_engine(
    url: str | URL,
    *,
    pool_size: int = 8,
    patience: float = 20.0,
    answer_seconds: float | None = None,
    in_greenlets: bool = False,
    ping: bool = True,
    several: bool = False,
    named: str = "DATABASE_URL",
) -> Engine:
    """An engine for one of our databases. Connects at first use.

    :param pool_size: connections kept at most.
    :param patience: seconds that a connect, a lock or a collision may take before it is a ``DatabaseError``.
    :param answer_seconds: that the database may take for one statement, ``patience`` if not given.
    :param in_greenlets: it is used by gevent's greenlets, so whoever waits must wait in Python.
    :param ping: ask a connection whether it still lives before each use; ``transact`` can do without.
    :param several: let ``write`` send several statements in one message: one round trip for a delivery.
    :param named: what a person knows the address by.
    :raises ConfigurationError: the address is malformed, names another kind of database or a missing file.
    """
    try:
        target = make_url(url)
        if target.get_backend_name() == "sqlite":
            made = None
            options: dict[str, Any] = {
                "connect_args": {"timeout": _SQLITE_BLOCKS if in_greenlets else patience}
            }
        elif target.get_backend_name() not in ("mysql", "mariadb"):
            raise ArgumentError
        else:
            made = Connecting(target, named=named, in_greenlets=in_greenlets, several=several)
            target = made.url
            options = made.arguments(patience, patience if answer_seconds is None else answer_seconds)
        engine = create_engine(
            target,
            hide_parameters=True,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=patience,
            pool_pre_ping=ping and made is not None,
            pool_reset_on_return=None,  # each use is a transaction that ends by itself: a round trip less
            execution_options={
                "patience": patience,
                "in_greenlets": in_greenlets,
                ADDRESS: sha256(make_url(url).render_as_string(hide_password=False).encode()).digest(),
            },
            **options,
        )
    except SQLAlchemyError:
        raise ConfigurationError(f"{named} must name a MySQL, MariaDB or SQLite database.") from None
    if made is None:
        event.listen(engine, "do_connect", partial(_connect_sqlite, named))
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        made.listen(engine)
        event.listen(engine, "after_cursor_execute", _read_answers)
    return engine


def _connect_sqlite(named: str, dialect: Dialect, _: Any, args: list[Any], options: dict[str, Any]) -> Any:
    try:
        return dialect.connect(*args, **options)
    except (TypeError, ValueError):  # not a word of the driver about the database
        raise DatabaseError(f"{named} has options that SQLite does not take.") from None


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.create_function("kobo_now", 0, _now_text)


def _read_answers(_: Any, cursor: Any, *message: Any) -> None:
    """Of the second statement on; an error of one of them is raised here."""
    context = message[2]
    while context.execution_options.get(SEVERAL) and cursor.nextset():
        pass


def _now_text() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    retrying = Retrying(
        retry=retry_if_exception(is_collision),
        wait=wait_random(0.001, 2 * _SQLITE_BLOCKS),
        stop=stop_after_delay(options["patience"] if options["in_greenlets"] else 0),
        reraise=True,
    )
    retrying(connection.exec_driver_sql, "BEGIN" if options.get("reading") else "BEGIN IMMEDIATE")


def transact(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Run ``work`` in one transaction; after a collision, or if the connection is lost, run it again.

    :raises DatabaseError: the database cannot take it, or collides until our patience ends.
    """
    retrying = _retrying(engine.get_execution_options().get("patience", 20.0))
    with database_errors():
        result: T = retrying(_once, engine, work)
        return result


def _retrying(patience: float) -> Retrying:
    """At once, then after short random pauses."""
    return Retrying(
        retry=retry_if_exception(lambda problem: is_collision(problem) or is_lost(problem)),
        wait=_pause,
        stop=stop_any(stop_after_attempt(_ATTEMPTS), stop_after_delay(patience)),
        reraise=True,
    )


def _pause(attempt: RetryCallState) -> float:
    """None before the second try; a server that is not there, or is read-only, is not asked in a hurry."""
    if attempt.attempt_number == 1:
        return 0
    problem = attempt.outcome.exception() if attempt.outcome else None
    return (_SHORT_PAUSE if problem and is_collision(problem) else _LONG_PAUSE)(attempt)


def _once(engine: Engine, work: Callable[[Connection], T]) -> T:
    with engine.begin() as connection:
        return work(connection)


def read(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Run ``work`` as ``transact`` does, in a transaction that only reads.

    :raises DatabaseError, SchemaError: as ``database_errors``.
    """
    return transact(engine.execution_options(reading=True), work)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection for reading that holds no lock against writers.

    :raises DatabaseError, SchemaError: as ``database_errors``.
    """
    with database_errors(), engine.execution_options(reading=True).begin() as connection:
        yield connection


def clock(engine: Engine) -> datetime:
    """The database's clock: the moment before a request is sent (UTC, naive).

    :raises DatabaseError: it cannot be read.
    """
    with reading(engine) as connection:
        return moment_of(connection)
