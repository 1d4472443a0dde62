"""What the databases' drivers raise: our errors, without a word of theirs, and what is worth another try."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, SQLAlchemyError

from kobo_mirror.errors import DatabaseError, KoboMirrorError, SchemaError

# Lost a race for a key, a deadlock, a lock wait or a snapshot (MariaDB), or a form that could not be held as
# supposed (no epoch): decide the whole page again.
_COLLISIONS = {1062, 1213, 1205, 1020, 1048}
_OLD_SCHEMA = {1146, 1054}
_MEANING = {
    1040: "it has too many connections",
    1044: "its user may not use this database",
    1045: "it refused the user or the password",
    1049: "this database does not exist",
    1114: "a table is full",
    1021: "its disk is full",
    1153: "a submission is larger than its max_allowed_packet",
    1205: "it kept a lock for too long",
    1213: "it kept finding deadlocks",
    1290: "it is read-only",
    1792: "it is read-only",
    1836: "it is read-only",
    2002: "it cannot be reached",
    2003: "it cannot be reached",
    2005: "its host is unknown",
    2006: "the connection was lost",
    2013: "the connection was lost",
}
_SQLITE_SAYS = (
    "database is locked",
    "unable to open database file",
    "disk is full",
    "readonly database",
    "disk I/O error",
    "file is not a database",
)


@contextmanager
def database_errors() -> Iterator[None]:
    """Turn what the driver raises into our errors, without its text: that may hold answers.

    :raises DatabaseError: the database cannot take it now.
    :raises SchemaError: a table or a column is missing.
    """
    try:
        yield
    except DBAPIError as problem:
        raise _translated(problem) from None
    except SQLAlchemyError as problem:
        raise DatabaseError(f"The database could not be used: {type(problem).__name__}.") from None


def _translated(problem: DBAPIError) -> KoboMirrorError:
    code = _code(problem)
    text = str(problem.orig) if isinstance(problem.orig, sqlite3.Error) else ""
    if (
        code in _OLD_SCHEMA
        or text.startswith(("no such table", "no such column"))
        or "has no column named" in text
    ):
        return SchemaError(
            "The database lacks our tables or has old ones: run `python -m kobo_mirror migrate`."
        )
    meaning = _MEANING.get(code) if code else _sqlite_meaning(text)
    number = f" ({code})" if code else ""
    return DatabaseError(f"The database could not take it: {meaning or type(problem.orig).__name__}{number}.")


def _sqlite_meaning(text: str) -> str | None:
    return next((f"SQLite says '{phrase}'" for phrase in _SQLITE_SAYS if phrase in text), None)


def _code(problem: DBAPIError) -> int | None:
    args = getattr(problem.orig, "args", ())
    return args[0] if args and isinstance(args[0], int) else None


def is_collision(problem: BaseException) -> bool:
    """Whether another writer was in the way: then the whole page is decided again."""
    if isinstance(problem, IntegrityError) and isinstance(problem.orig, sqlite3.Error):
        return True
    if isinstance(problem, OperationalError) and isinstance(problem.orig, sqlite3.Error):
        return "locked" in str(problem.orig)
    return isinstance(problem, DBAPIError) and _code(problem) in _COLLISIONS


def is_lost(problem: BaseException) -> bool:
    """Whether the connection went before the commit, which is no statement: then nothing was written."""
    return (
        isinstance(problem, DBAPIError) and problem.connection_invalidated and problem.statement is not None
    )
