"""Every error that Kobo Mirror raises on purpose: one family, each with a sentence for a person."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


class KoboMirrorError(Exception):
    """Tell what went wrong and what to do, in a sentence without secrets or answers of respondents."""


class ConfigurationError(KoboMirrorError):
    """A setting is missing or malformed. Another try does not help."""


class NoSuchFormError(ConfigurationError):
    """None of the forms that are mirrored is the one that was named: nothing is wrong with the others."""


class CredentialsError(KoboMirrorError):
    """This token may not see the form, or there is no such form. Another try does not help.

    :param message: the sentence.
    :param status: of HTTP; None: it is not known.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class FormGoneError(CredentialsError):
    """KoboToolbox does not describe the form to this account: it was deleted, handed over, or never there."""


class NotPermittedError(CredentialsError):
    """The token may read the form, but lacks the right to do this: manage REST Services, read the history."""


class DefinitionError(KoboMirrorError):
    """KoboToolbox does not show what the form asks, or shows something else. Asking again does not help."""


class RequestError(KoboMirrorError):
    """KoboToolbox understood the request and refused it (400, 409 …). Another try does not help."""


class ServerError(KoboMirrorError):
    """KoboToolbox gave no proper response (time-out, 429, 5xx, half a body, HTML). Worth another try.

    :param message: the sentence.
    :param retry_after: the seconds that the server asked us to wait; None: it did not say.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ServerFailedError(ServerError):
    """KoboToolbox answered 5xx: it is down, or one of the submissions asked for is one it cannot send.

    :param message: the sentence.
    :param retry_after: as for ``ServerError``.
    :param status: of HTTP; 500 is no sign of a busy server.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, status: int = 500) -> None:
        super().__init__(message, retry_after=retry_after)
        self.status = status


class UnreachableError(ServerError):
    """Nothing answered at the address: no such host, a refused connection, no connection in time."""


class DatabaseError(KoboMirrorError):
    """The database cannot be written or read now (down, locked, read-only, full). Worth another try."""


class TablesRefusedError(DatabaseError):
    """The database refuses a table or a column of a form: a right, room, a limit. Those before stay good."""


class FullTableError(TablesRefusedError):
    """A table that holds rows takes no further columns without a copy of it, or has no room for them.

    :param message: the sentence.
    :param table: its name.
    """

    def __init__(self, message: str, *, table: str = "") -> None:
        super().__init__(message)
        self.table = table


class SchemaError(KoboMirrorError):
    """The tables must not be written to: an old schema, or a form table that mirrors another form."""


class NameTakenError(SchemaError):
    """A table, view or column that is not ours has a name that a form is to have.

    :param message: the sentence.
    :param table: the name of the table or view; empty for a column.
    """

    def __init__(self, message: str, table: str = "") -> None:
        super().__init__(message)
        self.table = table


class MissingTablesError(SchemaError):
    """Tables of ours are missing or old: a sync makes them, and so does ``migrate``."""


class MissingColumnError(SchemaError):
    """A table of ours lacks a column, which neither a sync nor ``migrate`` adds again."""


class LeaseError(KoboMirrorError):
    """Another sync holds the lease of this form, or has taken it over from this one."""


class LaneTakenError(LeaseError):
    """Another process has read a page of the lane that this one reads, under the same lease."""


class SubmissionError(KoboMirrorError):
    """A body that is no submission, and becomes a dead letter."""


class UnequalError(KoboMirrorError):
    """A sync has ended, but the tables do not hold what the form shows: a person must look."""


class DeletesWaitError(KoboMirrorError):
    """So many submissions are gone from the server that a person must confirm their delete."""


def tables_are_missing(names: Sequence[str] = ()) -> MissingTablesError:
    """Return the error for a database that lacks tables of ours.

    :param names: the missing tables; empty if they are not known.
    """
    which = f" (missing: {', '.join(names)})" if names else ""
    return MissingTablesError(
        f"The database lacks our tables or has old ones{which}: start a sync, it makes them; or run "
        "`python -m kobo_mirror migrate`, with Docker `docker compose run --rm airflow-init`."
    )


def column_is_missing(table: str, columns: Sequence[str], *, is_form: bool) -> MissingColumnError:
    """Return the error for a table of ours that lacks columns.

    :param table: the table's name.
    :param columns: the names of the missing columns.
    :param is_form: it is the form table, which can be dropped because a sync fills it again.
    """
    todo = (
        "drop the table and run `python -m kobo_mirror migrate`, the next sync fills it again"
        if is_form
        else "restore this table from a backup"
    )
    return MissingColumnError(f"The table {table} lacks a column of ours ({', '.join(columns)}): {todo}.")


def unforeseen(error: Exception) -> KoboMirrorError:
    """Return the error for a fault of ours: of what kind it is, and where, without its text.

    That may hold an answer.

    :param error: as it was raised.
    """
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return KoboMirrorError(
        f"It ended by an error that was not foreseen: {type(error).__name__}{place}; please report it."
    )


@contextmanager
def naming_faults() -> Iterator[None]:
    """Raise an error that was not foreseen as one of this family, so that other forms go on.

    :returns: a context; errors of this family are raised as they are.
    """
    try:
        yield
    except KoboMirrorError:
        raise
    except Exception as error:
        raise unforeseen(error) from error


def error_of(name: str, sentence: str) -> KoboMirrorError:
    """Return an error of the class that has a name, as XComs and ``kobo_sync_runs`` hold it.

    :param name: the name of a class of this family; any other name gives a ``KoboMirrorError``.
    :param sentence: the error's sentence.
    """
    waiting: list[type[KoboMirrorError]] = [KoboMirrorError]
    for kind in waiting:
        if kind.__name__ == name:
            return kind(sentence)
        waiting += kind.__subclasses__()
    return KoboMirrorError(sentence)
