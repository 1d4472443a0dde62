"""Engines, transactions that run again after a collision, and the database's clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeVar

from sqlalchemy import Connection, DateTime, Engine, create_engine, select
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

from kobo_mirror.database.dialects import dialect_of, dialect_of_url
from kobo_mirror.database.errors import database_errors, is_collision, is_lost
from kobo_mirror.errors import ConfigurationError, MissingTablesError

T = TypeVar("T")

ADDRESS = "address"
"""The execution option with a hash of an engine's whole address: options and password count, too."""
_ATTEMPTS = 25
_SHORT_PAUSE, _LONG_PAUSE = wait_random(0.001, 0.05), wait_random(0.1, 0.3)


class now(FunctionElement[datetime]):  # an SQL function, named like one
    """SQL: the database's clock, UTC, to the microsecond, at the beginning of the statement."""

    type = DateTime()
    inherit_cache = True


@compiles(now)
def _now(element: Any, compiler: Any, **_: Any) -> str:
    return dialect_of(compiler).clock


_NOW = select(now())


def moment_of(connection: Connection) -> datetime:
    """Return the database's clock (UTC, without a time zone, to the microsecond).

    :param connection: an open transaction.
    """
    moment: datetime = connection.execute(_NOW).scalar_one()
    return moment


LONG_STATEMENT = 900.0
"""Seconds that a statement may take which counts or compares millions of rows."""


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
    must_exist: bool = False,
) -> Engine:
    """Return an engine for one of our databases. It connects at first use.

    :param url: the database's address.
    :param pool_size: connections kept at most.
    :param patience: seconds that a connect, a lock or a collision may take before it is a ``DatabaseError``.
    :param answer_seconds: seconds that the database may take for one statement, ``patience`` if not given.
    :param in_greenlets: the engine is used by gevent's greenlets, which must wait in Python.
    :param ping: ask a connection whether it still lives before each use; ``transact`` can do without.
    :param several: let ``write`` send several statements in one message: one round trip for a delivery.
    :param named: what a person knows the address by, for errors.
    :param must_exist: refuse a file that is not there, which the first connection would make.
    :raises MissingTablesError: there is no such file.
    :raises ConfigurationError: the address is malformed, names another kind of database or a missing file.
    """
    try:
        target = make_url(url)
        dialect = dialect_of_url(target)
    except (ArgumentError, LookupError):
        raise _unusable(named) from None
    if must_exist and (file := dialect.missing_file(target)):
        raise MissingTablesError(
            f"There is no file {file}, which {named} names: check the address, or start a sync, "
            "which makes it."
        )
    try:
        connector = dialect.connector(target, named=named, in_greenlets=in_greenlets, several=several)
        engine = create_engine(
            connector.url,
            hide_parameters=True,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=patience,
            pool_pre_ping=ping and not dialect.is_file,
            pool_reset_on_return=None,  # each use is a transaction that ends by itself: a round trip less
            execution_options={
                "patience": patience,
                ADDRESS: sha256(target.render_as_string(hide_password=False).encode()).digest(),
            },
            **connector.engine_options(patience, patience if answer_seconds is None else answer_seconds),
        )
    except SQLAlchemyError:
        raise _unusable(named) from None
    connector.listen(engine)
    return engine


def _unusable(named: str) -> ConfigurationError:
    return ConfigurationError(f"{named} must name a MySQL, MariaDB or SQLite database.")


def transact(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Run work in one transaction; after a collision, or if the connection is lost, run it again.

    :param engine: made by ``open_engine``.
    :param work: what to do in the transaction; may be called several times.
    :returns: what the last call of ``work`` returned.
    :raises DatabaseError: the database cannot take it, or collides until our patience ends.
    """
    retrying = _retrying(engine.get_execution_options().get("patience", 20.0))
    with database_errors():
        result: T = retrying(_once, engine, work)
        return result


def _retrying(patience: float) -> Retrying:
    """Retry at once, then after short random pauses.

    :param patience: seconds after which no other try begins.
    """
    return Retrying(
        retry=retry_if_exception(lambda problem: is_collision(problem) or is_lost(problem)),
        wait=_pause,
        stop=stop_any(stop_after_attempt(_ATTEMPTS), stop_after_delay(patience)),
        reraise=True,
    )


def _pause(attempt: RetryCallState) -> float:
    """Return the seconds before the next try: none before the second, more where the server may be gone."""
    if attempt.attempt_number == 1:
        return 0
    problem = attempt.outcome.exception() if attempt.outcome else None
    return (_SHORT_PAUSE if problem and is_collision(problem) else _LONG_PAUSE)(attempt)


def _once(engine: Engine, work: Callable[[Connection], T]) -> T:
    with engine.begin() as connection:
        return work(connection)


def read(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Run work as ``transact`` does, in a transaction that only reads.

    :param engine: made by ``open_engine``.
    :param work: what to read; may be called several times.
    :returns: what the last call of ``work`` returned.
    :raises DatabaseError, SchemaError: as ``database_errors``.
    """
    return transact(engine.execution_options(reading=True), work)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Yield a connection for reading, which holds no lock against writers.

    :param engine: made by ``open_engine``.
    :raises DatabaseError, SchemaError: as ``database_errors``.
    """
    with database_errors(), engine.execution_options(reading=True).begin() as connection:
        yield connection


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """Yield a connection as ``reading`` does, all of whose statements see one state of the database.

    A table that is changed after that state cannot be read, see :func:`read_snapshot`.

    :param engine: made by ``open_engine``.
    :raises DatabaseError, SchemaError: as ``database_errors``.
    """
    with reading(engine) as connection:
        dialect_of(connection).begin_snapshot(connection)
        yield connection


def read_snapshot(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Run work as ``read`` does, where all of its statements see one state of the database.

    If a table was changed (MySQL's error 1412) before it was read, work runs again, and sees a newer state.

    :param engine: made by ``open_engine``.
    :param work: what to read; may be called several times.
    :returns: what the last call of ``work`` returned.
    :raises DatabaseError, SchemaError: as ``database_errors``.
    """

    def in_snapshot(connection: Connection) -> T:
        dialect_of(connection).begin_snapshot(connection)
        return work(connection)

    return read(engine, in_snapshot)


def clock(engine: Engine) -> datetime:
    """Return the database's clock (UTC, without a time zone), in a transaction of its own.

    :param engine: made by ``open_engine``.
    :raises DatabaseError: it cannot be read.
    """
    with reading(engine) as connection:
        return moment_of(connection)
