"""Connections to MySQL and MariaDB: driver, TLS, session, and what goes wrong on the way."""

from __future__ import annotations

import importlib.util
import time
from typing import Any

from sqlalchemy import Dialect, Engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DisconnectionError

from kobo_mirror.config.address import Options, options_of
from kobo_mirror.database.dialects.mysql.errors import forget_connection
from kobo_mirror.database.dialects.mysql.refusals import MEANING
from kobo_mirror.database.dialects.mysql.session_variables import prepare_session
from kobo_mirror.database.dialects.mysql.tls import TlsError, mysqlclient_arguments, pymysql_arguments
from kobo_mirror.errors import ConfigurationError, DatabaseError

PACKET = "max_allowed_packet"
"""The key of a connection's ``info`` for the largest message that the server takes, in bytes."""
SEVERAL = "several_statements"
"""The key of a connection's ``info`` that is True if it takes several statements in one message, and of the
execution option of such a message: the result of each is read."""
_NO_TLS = 2026
_MULTI_STATEMENTS = 1 << 16  # CLIENT_MULTI_STATEMENTS of the protocol

# A connection that was idle for longer is made anew: after a failover it may lead to the old primary, which
# says nothing before it is written to, and may be writable again by then. In use it learns at once.
IDLE_SECONDS = 5.0
_LIFE_SECONDS = 60  # for the same reason, where the user's rights let it write to a read-only server
_IDLE_SINCE = "idle_since"


class Connecting:
    """Makes the connections of one engine; see ``Connector`` and ``Dialect.connector``.

    :param url: of a MySQL or MariaDB database.
    :param named: what a person knows the address by, for errors.
    :param in_greenlets: the engine is used by gevent's greenlets: only PyMySQL waits in Python.
    :param several: connections take several statements in one message.
    :raises ConfigurationError: an option is not known, a file that it names is missing, or the driver is.
    """

    def __init__(self, url: URL, *, named: str, in_greenlets: bool, several: bool) -> None:
        self._named, self._several = named, several
        try:
            self._options: Options = options_of(url)
            self._options.tls.check_files()
        except ValueError as problem:
            raise ConfigurationError(f"{named} {problem}.") from None
        self.url = _with_driver(url.set(query={}), in_greenlets)
        if self.url.get_driver_name() not in ("pymysql", "mysqldb"):
            raise ConfigurationError(f"{named} must use the driver pymysql or mysqldb.")
        self._pymysql = self.url.get_driver_name() == "pymysql"
        if importlib.util.find_spec("pymysql" if self._pymysql else "MySQLdb") is None:
            driver, other = ("PyMySQL", "mysqldb") if self._pymysql else ("mysqlclient", "pymysql")
            extra = "mysql" if self._pymysql else "mysqlclient"
            raise ConfigurationError(
                f"{named} needs the driver {driver}, which is not installed: install kobo-mirror[{extra}], "
                f'or take another driver (mysql+{other}://…; in Airflow the connection\'s extra "client").'
            )

    def engine_options(self, patience: float, answer_seconds: float) -> dict[str, Any]:
        """Return further arguments of ``create_engine``.

        :param patience: seconds that a connect or a lock may take.
        :param answer_seconds: seconds that the answer to one statement may take.
        """
        answer = max(1, int(answer_seconds)) + 1
        self._lock_seconds = max(1, int(patience))
        connect_args: dict[str, Any] = {
            "charset": "utf8mb4",
            "connect_timeout": self._lock_seconds,
            "read_timeout": answer,
            "write_timeout": answer,
            **{name: value for name, value in self._options.driver.items() if name != "init_command"},
        }
        if not self._pymysql:
            connect_args["binary_prefix"] = True
        return {
            "isolation_level": "READ COMMITTED",
            "pool_recycle": _LIFE_SECONDS,
            "pool_use_lifo": True,  # so that connections which are not needed become idle, and are made anew
            "connect_args": connect_args,
        }

    def listen(self, engine: Engine) -> None:
        """Subscribe to the events of an engine's pool and connections.

        :param engine: made with this address and these options.
        """
        event.listen(engine, "do_connect", self._connect)
        event.listen(engine, "connect", _set_collation)
        event.listen(engine, "checkin", _note_idle)
        event.listen(engine, "checkout", _refuse_idle)
        event.listen(engine, "handle_error", forget_connection)
        event.listen(engine, "after_cursor_execute", _read_results)

    def _connect(self, dialect: Dialect, record: Any, args: list[Any], options: dict[str, Any]) -> Any:
        options = dict(options)  # SQLAlchemy gives the same each time
        if self._several:
            options["client_flag"] = options.get("client_flag", 0) | _MULTI_STATEMENTS
        connection = self._made(dialect, args, options)
        try:
            prepare_session(
                connection,
                lock_seconds=self._lock_seconds,
                first=self._options.driver.get("init_command", ""),
            )
            cursor = connection.cursor()
            cursor.execute("SELECT @@max_allowed_packet")
            record.info[PACKET] = int((cursor.fetchone() or (0,))[0])
            record.info[SEVERAL] = self._several
            if self._options.tls.required:  # MariaDB's library goes on without where nothing is to be checked
                cursor.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
                _check_encrypted((cursor.fetchone() or ("", ""))[1])
            cursor.close()
        except Exception:
            connection.close()
            raise
        return connection

    def _made(self, dialect: Dialect, args: list[Any], options: dict[str, Any]) -> Any:
        tls = self._options.tls
        try:
            if not self._pymysql:
                return dialect.connect(*args, **options, **mysqlclient_arguments(tls))
            options["password"] = options.get("password", "").encode()  # PyMySQL itself takes Latin-1 for it
            options |= pymysql_arguments(tls)
            if not tls.required:
                return dialect.connect(*args, **options)
            from kobo_mirror.database.dialects.mysql.strict_tls import StrictConnection  # noqa: PLC0415  # where PyMySQL is there

            return StrictConnection(*args, **options)
        except TlsError as problem:
            raise DatabaseError(f"{self._named} {problem}.") from None
        except (TypeError, ValueError, OSError, RuntimeError, NotImplementedError) as problem:
            raise self._unusable(problem) from None

    def _unusable(self, problem: Exception) -> DatabaseError:
        """Return an error of ours for what a driver raises before it has asked the server."""
        if isinstance(problem, RuntimeError):  # PyMySQL lacks the package that an authentication plugin needs
            return DatabaseError(
                f"PyMySQL lacks a package for the authentication plugin that {self._named} asks for: "
                "install cryptography (or PyNaCl, for ed25519)."
            )
        return DatabaseError(f"{self._named} has options that its driver does not take.")


def _check_encrypted(cipher: str) -> None:
    if not cipher:
        raise DatabaseError(f"The database could not take it: {MEANING[_NO_TLS]} ({_NO_TLS}).")


def _with_driver(url: URL, in_greenlets: bool) -> URL:
    """Choose PyMySQL in greenlets, and where the address names no driver and mysqlclient is not installed."""
    backend = url.get_backend_name()
    left_to_us = url.drivername == backend and importlib.util.find_spec("MySQLdb") is None
    return url.set(drivername=f"{backend}+pymysql") if in_greenlets or left_to_us else url


def _set_collation(connection: Any, _: Any) -> None:
    """Set character set and collation once more, after SQLAlchemy has set them without a collation."""
    cursor = connection.cursor()
    cursor.execute("SET NAMES utf8mb4 COLLATE utf8mb4_bin")
    cursor.close()


def _note_idle(_: Any, record: Any) -> None:
    record.info[_IDLE_SINCE] = time.monotonic()


def _refuse_idle(_: Any, record: Any, __: Any) -> None:
    since = record.info.pop(_IDLE_SINCE, None)
    if since is not None and time.monotonic() - since > IDLE_SECONDS:
        raise DisconnectionError


def _read_results(_: Any, cursor: Any, *message: Any) -> None:
    """Read the results of the second statement on; an error of one of them is raised here."""
    context = message[2]
    while context.execution_options.get(SEVERAL) and cursor.nextset():
        pass
