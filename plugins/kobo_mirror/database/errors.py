"""Errors of the databases' drivers: translated to ours, without their text, and judged for a retry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from kobo_mirror.database.dialects import dialect_of_error
from kobo_mirror.errors import DatabaseError, KoboMirrorError, tables_are_missing


@contextmanager
def database_errors() -> Iterator[None]:
    """Turn what the driver raises into our errors, without its text: that may hold answers.

    :returns: a context for statements.
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
    dialect, raised = dialect_of_error(problem.orig), problem.orig
    if dialect is None or raised is None:
        return DatabaseError(f"The database could not take it: look up {type(raised).__name__}.")
    if dialect.lacks_table_or_column(raised):
        return tables_are_missing()
    return DatabaseError(f"The database could not take it: {dialect.explain(raised)}.")


def is_collision(problem: BaseException) -> bool:
    """Return True if another transaction was in the way: then the whole page is decided again.

    :param problem: what a transaction raised.
    """
    if not isinstance(problem, DBAPIError):
        return False
    dialect = dialect_of_error(problem.orig)
    return dialect is not None and dialect.is_collision(problem)


def is_lost(problem: BaseException) -> bool:
    """Return True if the connection was lost, or thrown away, and nothing was written.

    A commit is no statement: if the connection is lost then, it may have been written, unless the server
    refused.

    :param problem: what a transaction raised.
    """
    if not isinstance(problem, DBAPIError) or not problem.connection_invalidated:
        return False
    dialect, raised = dialect_of_error(problem.orig), problem.orig
    refused = dialect is not None and raised is not None and dialect.took_nothing(raised)
    return problem.statement is not None or refused
