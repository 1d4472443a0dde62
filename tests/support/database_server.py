"""A throw-away MariaDB or MySQL server for the tests: the one that is named, or one of our own.

``DATABASE_TEST_URL`` names a server, its user and a database. If the user may create databases, only
databases made here are used; else that one database is, and only if it is empty or was used so before.
Without the variable a server is started on a free port of 127.0.0.1, with its data in a directory that
is removed with it.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, NullPool, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from tests.support.server_process import NoServerError, ServerProcess, server_program

_PREFIX = "kobo_test_"
_MARK = "kobo_mirror_test_database"
_ACCESS_DENIED = 1044


class DatabaseServer:
    """A server on which we may make databases."""

    def __init__(self, address: URL) -> None:
        self._address = address
        self._made: set[str] = set()
        with self._connection() as connection:
            self.version = str(connection.execute(text("SELECT VERSION()")).scalar_one())
        self.kind = "mariadb" if "mariadb" in self.version.lower() else "mysql"

    def url(self, database: str = "", *, driver: str = "pymysql") -> str:
        """Return the address of a database, or of the server.

        :param driver: ``pymysql`` or ``mysqldb``.
        """
        address = self._address.set(drivername=f"mysql+{driver}", database=database)
        return address.render_as_string(hide_password=False)

    def fresh_database(self, *, driver: str = "pymysql") -> str:
        """Create an empty database and return its address; it is dropped at the end."""
        name = f"{_PREFIX}{secrets.token_hex(6)}"
        self.run(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
        self._made.add(name)
        return self.url(name, driver=driver)

    def drop_database(self, url: str) -> None:
        """Drop a database that ``fresh_database`` made."""
        name = make_url(url).database or ""
        self._made.remove(name)
        self.run(f"DROP DATABASE IF EXISTS `{name}`")

    def run(self, *statements: str, database: str = "") -> None:
        """Run statements one by one, each committed."""
        with self._connection(database) as connection:
            for statement in statements:
                connection.execute(text(statement))

    def close(self) -> None:
        """Drop what was made."""
        for name in sorted(self._made):
            self.drop_database(self.url(name))

    @contextmanager
    def _connection(self, database: str = "") -> Iterator[Connection]:
        engine = create_engine(
            self.url(database),
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args={"connect_timeout": 10, "read_timeout": 60},
        )
        with engine.connect() as connection:
            yield connection


class OneDatabase(DatabaseServer):
    """A server on which we have one database and may not make others: each fresh one is that one, emptied."""

    def __init__(self, address: URL) -> None:
        self._database = address.database or ""
        super().__init__(address)
        tables = self._tables()
        if tables and _MARK not in tables:
            raise NoServerError(
                f"The database {self._database} in DATABASE_TEST_URL holds tables that the tests did not "
                "make; name an empty one."
            )
        self.run(f"CREATE TABLE IF NOT EXISTS {_MARK} (id INTEGER)", database=self._database)

    def fresh_database(self, *, driver: str = "pymysql") -> str:
        """Empty the one database and return its address: what an earlier call gave is gone."""
        self._empty(keep=_MARK)
        return self.url(self._database, driver=driver)

    def drop_database(self, url: str) -> None:
        """Empty the one database."""
        self._empty(keep=_MARK)

    def close(self) -> None:
        """Leave the database as empty as it was."""
        self._empty()

    def _tables(self) -> dict[str, str]:
        query = text(
            "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = :name"
        )
        with self._connection(self._database) as connection:
            return {str(row[0]): str(row[1]) for row in connection.execute(query, {"name": self._database})}

    def _empty(self, keep: str = "") -> None:
        tables = {name: kind for name, kind in self._tables().items() if name != keep}
        drops = [
            f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} `{name}`" for name, kind in sorted(tables.items())
        ]
        self.run("SET FOREIGN_KEY_CHECKS = 0", *drops, database=self._database)


class OwnServer(DatabaseServer):
    """A server that was started here; a test may stop it, kill it and start it again."""

    def __init__(self, process: ServerProcess) -> None:
        self._process = process
        process.create()
        process.start()
        super().__init__(
            URL.create(
                "mysql+pymysql",
                username=process.user,
                password=process.password,
                host="127.0.0.1",
                port=process.port,
                query={"charset": "utf8mb4"},
            )
        )

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        return self._process.process.pid if self._process.process else 0

    def start(self) -> None:
        """Start it again after ``stop`` or ``kill``, on the same port, with the same data."""
        self._process.start()

    def stop(self) -> None:
        """Stop it in order; its data stays."""
        self._process.end(at_once=False)

    def restart(self, *options: str) -> None:
        """Stop it in order and start it again, with further options from now on."""
        self.stop()
        self._process.options = options
        self.start()

    def without_certificates(self) -> None:
        """Remove those that MySQL made for itself when it was started first."""
        for name in ("ca.pem", "ca-key.pem", "server-cert.pem", "server-key.pem"):
            (self._process.home / "data" / name).unlink(missing_ok=True)

    def kill(self) -> None:
        """End it at once, as a power cut would; its data stays."""
        self._process.end(at_once=True)


@contextmanager
def test_server() -> Iterator[DatabaseServer]:
    """The server for the tests: that of ``DATABASE_TEST_URL`` if it is set, else one of our own.

    :raises NoServerError: there is none, or it may not be used.
    """
    given = os.environ.get("DATABASE_TEST_URL", "").strip()
    if not given:
        with own_server() as own:
            yield own
        return
    server = given_server(make_url(given))
    try:
        yield server
    finally:
        server.close()


test_server.__test__ = False  # type: ignore[attr-defined]  # pytest takes the name for a test where it is imported


@contextmanager
def own_server(program: Path | None = None) -> Iterator[OwnServer]:
    """Start a server of our own; it is removed at the end with its data.

    :param program: which ``mariadbd`` or ``mysqld``; by default one on this machine, else one from apt.
    :raises NoServerError: there is none and none can be installed, or it does not start.
    """
    program = program or server_program()
    with tempfile.TemporaryDirectory(prefix="kobo-db-", dir="/tmp", ignore_cleanup_errors=True) as home:
        process = ServerProcess(program, Path(home))
        try:
            yield OwnServer(process)
        finally:
            process.end(at_once=True)


def given_server(address: URL) -> DatabaseServer:
    """Return the server at an address, used as far as its user's rights allow.

    :raises NoServerError: it is no MySQL or MariaDB, does not let us in, or its database is in use.
    """
    if address.get_backend_name() not in ("mysql", "mariadb") or not address.database:
        raise NoServerError(
            "DATABASE_TEST_URL must name a MySQL or MariaDB database: mysql+pymysql://user:password@host/name"
        )
    try:
        return _with_rights(address)
    except DBAPIError as problem:
        raise NoServerError(f"DATABASE_TEST_URL: the server answers error {_code(problem)}.") from None


def _with_rights(address: URL) -> DatabaseServer:
    server = DatabaseServer(address)
    try:
        server.drop_database(server.fresh_database())
    except DBAPIError as problem:
        if _code(problem) != _ACCESS_DENIED:
            raise
        return OneDatabase(address)
    return server


def _code(problem: DBAPIError) -> int:
    return int(problem.orig.args[0]) if problem.orig else 0
