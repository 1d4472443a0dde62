"""The interface of a dialect: what a kind of database answers about itself."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Column, Connection, Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from kobo_mirror.database.dialects.base_tables import ColumnTypes, TableDialect
from kobo_mirror.database.dialects.base_views import ViewDialect

if TYPE_CHECKING:
    from kobo_mirror.database.bulk import Delete, First, Write


__all__ = ["ColumnTypes", "Connector", "Dialect"]


class Connector(Protocol):
    """Makes the connections of one engine."""

    @property
    def url(self) -> URL:
        """The address as ``create_engine`` takes it: options that it does not know are taken out."""

    def engine_options(self, patience: float, answer_seconds: float) -> dict[str, Any]:
        """Return further arguments of ``create_engine``.

        :param patience: seconds that a connect or a lock may take.
        :param answer_seconds: seconds that the answer to one statement may take.
        """

    def listen(self, engine: Engine) -> None:
        """Subscribe to the events of an engine's pool and connections.

        :param engine: made with this connector's address and options.
        """


class Dialect(TableDialect, ViewDialect):
    """A kind of database. It has no state: one object serves all engines and threads."""

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """What SQLAlchemy calls it."""

    @property
    @abstractmethod
    def drivers(self) -> tuple[str, ...]:
        """The top-level modules whose errors its drivers raise."""

    @property
    @abstractmethod
    def is_file(self) -> bool:
        """True if it is a file on this machine: no server, no connection to lose, one writer at a time."""

    @property
    @abstractmethod
    def takes_first(self) -> bool:
        """True if ``write`` takes a ``First``, whose values rows can name before anything was read."""

    @abstractmethod
    def describe(self, connection: Connection) -> str:
        """Return which database this is, with its version, for a person; the database is asked.

        :param connection: an open transaction.
        """

    # SQL text

    @property
    @abstractmethod
    def parameter(self) -> str:
        """What its drivers put a parameter in place of."""

    @property
    @abstractmethod
    def clock(self) -> str:
        """The expression of the time in UTC, to the microsecond, as it is when the statement begins."""

    @abstractmethod
    def statement_text(self, raw: str) -> str:
        """Return SQL text as its drivers take it beside parameters.

        :param raw: part of a statement, without parameters.
        """

    @abstractmethod
    def quoted_name(self, name: str) -> str:
        """Return the name of a table or column in quotes, as its drivers take it.

        :param name: any characters that a name can have.
        """

    @abstractmethod
    def quoted_text(self, text: str) -> str:
        """Return a text as a literal, as its drivers take it.

        :param text: of any characters, though SQLite's statements end at a NUL.
        """

    # Connections

    @abstractmethod
    def connector(self, url: URL, *, named: str, in_greenlets: bool, several: bool) -> Connector:
        """Return what makes the connections of an engine.

        :param url: the database's address.
        :param named: what a person knows the address by, for errors.
        :param in_greenlets: the engine is used by gevent's greenlets, which must wait in Python.
        :param several: connections take several statements in one message, where the database knows that.
        :raises ConfigurationError: an option is not known, a file that it names is missing, or the driver is.
        """

    @abstractmethod
    def missing_file(self, url: URL) -> str | None:
        """Return the file that an address names, if it is not there and a connection would make it.

        :param url: the database's address.
        """

    @abstractmethod
    def begin_snapshot(self, connection: Connection) -> None:
        """Let all statements of a transaction see one state of the database, without a lock against writers.

        :param connection: of an engine for reading, in whose transaction nothing was executed yet.
        """

    # Bulk writes

    @abstractmethod
    def write(self, connection: Connection, writes: Sequence[Write | Delete], first: First | None) -> None:
        """Write and delete rows, in the order given, in as few round trips as the database allows.

        :param connection: an open transaction.
        :param writes: none of them is without rows.
        :param first: a statement that is executed before them; None where ``takes_first`` is False.
        :raises CellTypeError: a cell is not of its column's type; nothing was written.
        """

    @abstractmethod
    def first_statement(
        self, cell: Column[Any], row: Mapping[Column[Any], str | bytes | None]
    ) -> First | None:
        """Return a statement that sets ``THE_MOMENT`` and ``THE_CELL`` and locks a row shared.

        :param cell: the column whose value ``THE_CELL`` is to be, NULL if there is no such row.
        :param row: the columns of the same table by which the row is found, with their values.
        :returns: None where ``takes_first`` is False.
        """

    @abstractmethod
    def max_message_bytes(self, connection: Connection) -> int | None:
        """Return how many bytes the database takes in one message, None for any number.

        :param connection: made by an engine of ours, which asked the server.
        """

    @abstractmethod
    def max_row_bytes(self, connection: Connection, of: Write) -> int | None:
        """Return how many bytes a row may have as it stands in a statement, None for any number.

        :param connection: made by an engine of ours.
        :param of: the write that the row is to be part of.
        """

    @abstractmethod
    def row_bytes(self, connection: Connection, of: Write, row: Sequence[Any]) -> int:
        """Return how many bytes cells have as they stand in a statement.

        :param connection: made by an engine of ours.
        :param of: the write that the row is to be part of.
        :param row: the cells of its first columns.
        """

    # Errors of the driver: numbers and fixed phrases are read, since its sentences may hold answers.

    @abstractmethod
    def lacks_table_or_column(self, problem: BaseException) -> bool:
        """Return True if a statement named a table or column that is not there.

        :param problem: the driver's error.
        """

    @abstractmethod
    def explain(self, problem: BaseException) -> str:
        """Return what an error means and what to do, without a word of the driver's that is not fixed.

        :param problem: the driver's error.
        """

    @abstractmethod
    def is_collision(self, problem: DBAPIError) -> bool:
        """Return True if another transaction was in the way, so that this one may pass when it runs again.

        :param problem: the driver's error as SQLAlchemy wraps it.
        """

    @abstractmethod
    def took_nothing(self, problem: BaseException) -> bool:
        """Return True if the server refused to write, even where the error came in answer to a commit.

        :param problem: the driver's error.
        """
