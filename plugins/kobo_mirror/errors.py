"""Every error that Kobo Mirror raises on purpose: one family, a sentence for a person in each."""

from __future__ import annotations

from collections.abc import Sequence


class KoboMirrorError(Exception):
    """What went wrong and what to do about it, in a sentence without secrets or answers."""


class ConfigurationError(KoboMirrorError):
    """A setting is missing or malformed. Asking again does not help."""


class CredentialsError(KoboMirrorError):
    """This token may not see the form, or there is no such form. Asking again does not help."""


class NotPermittedError(CredentialsError):
    """The token may read the form but not do this (manage REST Services, read the history)."""


class RequestError(KoboMirrorError):
    """KoboToolbox understood the request and refused it (400, 409 …). Asking again does not help."""


class ServerError(KoboMirrorError):
    """KoboToolbox gave no proper answer (time-out, 429, 5xx, half a body, HTML for JSON). Worth a retry.

    :param retry_after: seconds the server asked us to wait, or None.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnreachableError(ServerError):
    """Nothing answered at all: no such host, a refused connection, no connection in time."""


class DatabaseError(KoboMirrorError):
    """The database cannot take it now (down, locked, read-only, full). Worth a retry."""


class SchemaError(KoboMirrorError):
    """The database is not ours to write to: an old schema, or a form table that mirrors another form."""


class MissingTablesError(SchemaError):
    """Tables of ours are missing or old: a sync makes them, and so does ``migrate``."""


class MissingColumnError(SchemaError):
    """A table of ours lacks a column, which neither a sync nor ``migrate`` makes again."""


class LeaseError(KoboMirrorError):
    """Another sync holds this form, or has taken it over from this one."""


class SubmissionError(KoboMirrorError):
    """A body that is no submission: it becomes a dead letter."""


class UnequalError(KoboMirrorError):
    """A sync has ended, and yet the tables are not what the form shows: a person must look."""


class DeletesWaitError(KoboMirrorError):
    """So many submissions have gone from the server that a person must say whether that is meant."""


def tables_are_missing(names: Sequence[str] = ()) -> MissingTablesError:
    """The error for a database that lacks tables of ours.

    :param names: those that are missing, if that is known.
    """
    which = f" (missing: {', '.join(names)})" if names else ""
    return MissingTablesError(
        f"The database lacks our tables or has old ones{which}: start a sync, it makes them; or run "
        "`python -m kobo_mirror migrate`, with Docker `docker compose run --rm airflow-init`."
    )


def column_is_missing(table: str, columns: Sequence[str], *, is_form: bool) -> MissingColumnError:
    """The error for a table of ours that lacks columns.

    :param is_form: it is the form table, which a sync fills anew.
    """
    todo = (
        "drop the table and run `python -m kobo_mirror migrate`, the next sync fills it anew"
        if is_form
        else "restore this table from a backup"
    )
    return MissingColumnError(f"The table {table} lacks a column of ours ({', '.join(columns)}): {todo}.")


def error_of(name: str, sentence: str) -> KoboMirrorError:
    """The error of a class that is known by its name alone; of the whole family where the name is unknown."""
    waiting: list[type[KoboMirrorError]] = [KoboMirrorError]
    for kind in waiting:
        if kind.__name__ == name:
            return kind(sentence)
        waiting += kind.__subclasses__()
    return KoboMirrorError(sentence)
