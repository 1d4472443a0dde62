"""How we talk to MySQL, MariaDB and SQLite: engines, clock, transactions."""

from __future__ import annotations

import importlib.util
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Connection, DateTime, Dialect, Engine, create_engine, event, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.functions import FunctionElement
from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    stop_any,
    wait_chain,
    wait_none,
    wait_random,
)

from kobo_mirror.errors import ConfigurationError, DatabaseError
from kobo_mirror.store.faults import database_errors, is_collision, is_lost

T = TypeVar("T")

_SQL_MODE = (
    "STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
)
PACKET = "max_allowed_packet"
"""What a connection's ``info`` holds the server's largest statement by, in bytes."""
SEVERAL = "several_statements"
"""The execution option of a message with several statements: the answer to each is waited for."""
_MULTI_STATEMENTS = 1 << 16  # CLIENT_MULTI_STATEMENTS of the protocol; all that we send is our own text

_ATTEMPTS = 25


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
) -> Engine:
    """An engine for one of our databases. Connects at first use.

    :param pool_size: connections kept at most.
    :param patience: seconds that a connect, a lock or a collision may take before it is a ``DatabaseError``.
    :param answer_seconds: that the database may take for one statement, ``patience`` if not given.
    :param in_greenlets: it is used by gevent's greenlets, so whoever waits must wait in Python.
    :param ping: ask a connection whether it still lives before each use; ``transact`` can do without.
    :raises ConfigurationError: the address is malformed or names another kind of database.
    """
    try:
        target = _with_driver(make_url(url), in_greenlets)
        backend = target.get_backend_name()
        options = {"sqlite": _sqlite_options, "mysql": _mysql_options, "mariadb": _mysql_options}[backend](
            target,
            _SQLITE_BLOCKS if in_greenlets and backend == "sqlite" else patience,
            patience if answer_seconds is None else answer_seconds,
        )
        engine = create_engine(
            target,
            hide_parameters=True,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=patience,
            pool_pre_ping=ping and backend != "sqlite",
            pool_reset_on_return=None,  # each use is a transaction that ends by itself: a round trip less
            execution_options={"patience": patience, "in_greenlets": in_greenlets},
            **options,
        )
    except (SQLAlchemyError, KeyError):
        raise ConfigurationError("DATABASE_URL must name a MySQL, MariaDB or SQLite database.") from None
    event.listen(engine, "do_connect", _connect)
    if backend == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "connect", _prepare_mysql)
        event.listen(engine, "after_cursor_execute", _read_answers)
    return engine


def _with_driver(url: URL, in_greenlets: bool) -> URL:
    backend = url.get_backend_name()
    left_to_us = url.drivername == backend and importlib.util.find_spec("MySQLdb") is None
    if backend in ("mysql", "mariadb") and (in_greenlets or left_to_us):
        return url.set(drivername=f"{backend}+pymysql")
    return url


def _sqlite_options(url: URL, patience: float, answer_seconds: float) -> dict[str, Any]:
    return {"connect_args": {"timeout": patience}}


def _mysql_options(url: URL, patience: float, answer_seconds: float) -> dict[str, Any]:
    seconds = max(1, int(patience))
    connect_args: dict[str, Any] = {
        "charset": "utf8mb4",
        "connect_timeout": seconds,
        "read_timeout": max(1, int(answer_seconds)) + 1,
        "write_timeout": max(1, int(answer_seconds)) + 1,
        "init_command": (
            f"SET time_zone = '+00:00', sql_mode = '{_SQL_MODE}', innodb_lock_wait_timeout = {seconds}, "
            "group_concat_max_len = 1048576"
        ),
    }
    if url.get_driver_name() == "mysqldb":
        connect_args["binary_prefix"] = True
    return {
        "isolation_level": "READ COMMITTED",
        "pool_recycle": 1800,
        "connect_args": connect_args,
    }


def _connect(dialect: Dialect, _: Any, args: list[Any], options: dict[str, Any]) -> Any:
    if "client_flag" in options:
        options["client_flag"] |= _MULTI_STATEMENTS
    try:
        return dialect.connect(*args, **options)
    except (TypeError, ValueError, OSError):  # not a word of the driver about the database
        raise DatabaseError("DATABASE_URL has options that its driver does not take.") from None


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.create_function("kobo_now", 0, _now_text)


def _prepare_mysql(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("SELECT @@max_allowed_packet")
    record.info[PACKET] = int((cursor.fetchone() or (0,))[0])
    cursor.close()


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


@lru_cache
def _retrying(patience: float) -> Retrying:
    """At once, then after short random pauses."""
    return Retrying(
        retry=retry_if_exception(lambda problem: is_collision(problem) or is_lost(problem)),
        wait=wait_chain(wait_none(), wait_random(0.001, 0.05)),
        stop=stop_any(stop_after_attempt(_ATTEMPTS), stop_after_delay(patience)),
        reraise=True,
    )


def _once(engine: Engine, work: Callable[[Connection], T]) -> T:
    with engine.begin() as connection:
        return work(connection)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection for reading that keeps nobody from writing.

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
