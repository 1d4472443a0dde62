"""What the databases' drivers raise: our errors, without a word of theirs, and what is worth another try."""

from __future__ import annotations

import sqlite3
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, SQLAlchemyError

from kobo_mirror.database.refusals import COLLISIONS, GONE, MEANING, READ_ONLY, SQLITE_MEANING
from kobo_mirror.errors import DatabaseError, KoboMirrorError, tables_are_missing

_OLD_SCHEMA = {1146, 1054}

# OpenSSL's numbers of why a certificate is not believed.
_EXPIRED = {9, 10}
_ANOTHER_NAME = {62, 64}


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
    code = code_of(problem.orig)
    text = str(problem.orig) if isinstance(problem.orig, sqlite3.Error) else ""
    if (
        code in _OLD_SCHEMA
        or text.startswith(("no such table", "no such column"))
        or "has no column named" in text
    ):
        return tables_are_missing()
    meaning = _tls_meaning(problem.orig) or (MEANING.get(code) if code else _sqlite_meaning(text))
    number = f" ({code})" if code else ""
    return DatabaseError(
        f"The database could not take it: {meaning or _unknown(problem.orig, code)}{number}."
    )


def _unknown(problem: Any, code: int | None) -> str:
    if code:
        return "look up this number of its errors"
    number = getattr(problem, "sqlite_errorname", None) or type(problem).__name__
    return f"look up {number}"


def _sqlite_meaning(text: str) -> str | None:
    found = (f"SQLite says '{phrase}': {todo}" for phrase, todo in SQLITE_MEANING.items() if phrase in text)
    return next(found, None)


def _tls_meaning(problem: Any) -> str | None:
    """What Python's TLS said where PyMySQL only says that the server cannot be reached."""
    cause = getattr(problem, "original_exception", None)
    if isinstance(cause, ssl.SSLCertVerificationError):
        if cause.verify_code in _ANOTHER_NAME:
            return (
                "its certificate is for another host: put the certificate's name into the address, or set "
                "ssl_mode=VERIFY_CA"
            )
        if cause.verify_code in _EXPIRED:
            return "its certificate is not valid now: renew it, or set the clocks right"
        return "its certificate is not of an authority that is believed here: name the right one in ssl_ca"
    if isinstance(cause, ssl.SSLError):
        return MEANING[2026]
    return None


def code_of(problem: Any) -> int | None:
    """The error number of a driver's error, None where it has none."""
    args = getattr(problem, "args", ())
    return args[0] if args and isinstance(args[0], int) else None


def forget_connection(context: ExceptionContext) -> None:
    """Throw a connection away, and all that were made before, whose server takes nothing any more.

    To be called by SQLAlchemy for each error of a driver.
    """
    if code_of(context.original_exception) in GONE:
        context.is_disconnect = True


def is_collision(problem: BaseException) -> bool:
    """Whether another writer was in the way: then the whole page is decided again."""
    if isinstance(problem, IntegrityError) and isinstance(problem.orig, sqlite3.Error):
        return True
    if isinstance(problem, OperationalError) and isinstance(problem.orig, sqlite3.Error):
        return "locked" in str(problem.orig)
    return isinstance(problem, DBAPIError) and code_of(problem.orig) in COLLISIONS


def is_lost(problem: BaseException) -> bool:
    """Whether the connection went, or was thrown away, and nothing was written.

    A commit is no statement: if the connection goes then, it may have been written, unless that was refused.
    """
    if not isinstance(problem, DBAPIError) or not problem.connection_invalidated:
        return False
    return problem.statement is not None or code_of(problem.orig) in READ_ONLY
