"""A mirror that version 0.1 made: its database, what its writer sends, and the server that it mirrors.

All of it was recorded once, by that version on SQLite and on MariaDB, with 30 submissions of the simulated
survey: two exact runs, of which the second one deleted a submission, a rejection, a dead letter, a delivery
that lacked keys and so is asked for again, and a run that was killed after its first page.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any, NamedTuple

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from kobo_mirror.database.engine import open_engine
from kobo_mirror.kobo.form import open_form
from kobo_mirror.store.mirrors import load_mirror
from kobo_mirror.sync.mirror import MirrorSync
from kobo_mirror.sync.verify import Report, verify
from simulator.options import Options
from tests.support.interleaved_server import InterleavedServer

SERVER = "https://kobo.example.org"
"""The address that rows are identified by; the simulator of a test listens elsewhere."""
OPTIONS = Options(rows=30)
REJECTED, DELETED, DEFERRED = 412011, 412015, 412023
UNFINISHED = 3
"""The id of the run that was killed."""
LETTER = b'{"hello": "no submission"}'

_DATA = Path(__file__).with_name("version_0_1_data")


class Recorded(NamedTuple):
    """A transaction of version 0.1's writer.

    :param what: what it writes, in a few words.
    :param statements: in the order in which they were sent.
    """

    what: str
    statements: list[str]


def restore(url: str) -> None:
    """Fill an empty database with what version 0.1 left."""
    if url.startswith("sqlite:///"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as file:
            file.executescript((_DATA / "sqlite.sql").read_text())
        return
    engine = open_engine(url)
    with engine.begin() as connection:
        for statement in (_DATA / "mysql.sql").read_text().split(";\n")[:-1]:
            connection.exec_driver_sql(statement.replace("%", "%%"))
    engine.dispose()


def recorded(kind: str) -> list[Recorded]:
    """Return what the writer of version 0.1 sends.

    :param kind: ``sqlite`` or ``mysql``.
    """
    return [Recorded(**one) for one in json.loads((_DATA / f"{kind}_statements.json").read_text())]


def replay(engine: Engine, one: Recorded) -> tuple[list[str], bool]:
    """Send a transaction of version 0.1 as that did: to its end, or to the first error, which undoes it.

    :param engine: opened so that a message may have several statements.
    :returns: the statements that were not refused, and whether one was.
    """
    taken: list[str] = []
    with engine.begin() as connection:
        driver: Any = connection.connection.dbapi_connection
        cursor = driver.cursor()
        try:
            for statement in one.statements:
                cursor.execute(statement)
                while hasattr(cursor, "nextset") and cursor.nextset():
                    pass  # the answer to each statement of a message
                taken.append(statement)
        except engine.dialect.loaded_dbapi.Error:
            connection.rollback()
            return taken, True
    return taken, False


@contextmanager
def mirrored_by_0_1() -> Iterator[InterleavedServer]:
    """Start the server that version 0.1 mirrored, as it was at the end."""
    with InterleavedServer(OPTIONS) as server:
        server.control.raw(REJECTED, {}, remove=["sec_a/unique_id"])
        server.control.delete(DELETED)
        yield server


def sync(server: InterleavedServer, engine: Engine, **how: Any) -> dict[str, Any]:
    """Run a sync of today."""
    with open_form(server.url, server.token, server.asset, sleep=lambda seconds: None) as client:
        return MirrorSync(client, engine, server=SERVER).run(**how)


def prove(server: InterleavedServer, engine: Engine) -> Report:
    """Compare every answer."""
    with open_form(server.url, server.token, server.asset, sleep=lambda seconds: None) as client:
        mirror = load_mirror(engine, SERVER, server.asset)
        return verify(client, engine, mirror, lambda *_: None, full=True)


@contextmanager
def reading_all_the_time(url: str, query: str) -> Iterator[list[Any]]:
    """Read a table again and again while the block runs, as a dashboard does.

    :param url: of the database.
    :param query: SQL.
    :returns: a context with the different results, and errors, in the order of their first sight.
    """
    found: list[Any] = []
    stop = Event()

    def read() -> None:
        engine = open_engine(url)
        while not stop.wait(0.002):
            try:
                with engine.connect() as connection:
                    result: Any = [tuple(row) for row in connection.execute(text(query))]
            except DBAPIError as problem:
                result = str(problem.orig)
            if result not in found:
                found.append(result)
        engine.dispose()

    reader = Thread(target=read)
    reader.start()
    try:
        yield found
    finally:
        stop.set()
        reader.join()
