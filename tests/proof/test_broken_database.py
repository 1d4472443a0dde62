"""A full disk, a database that restarts in mid-transaction: a clear error, and a clean continuation."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from kobo_mirror.errors import DatabaseError
from simulator.options import Options
from tests.support.database_server import OwnServer, own_server
from tests.support.mirrored_server import MirroredServer, mirrored_server

ROWS = 6000
SMALL_DISK = ("--innodb-file-per-table=OFF", "--innodb-data-file-path=ibdata1:12M:autoextend:max:18M")


@pytest.fixture(scope="module")
def own() -> Iterator[OwnServer]:
    with own_server() as server:
        yield server


@pytest.fixture
def mirrored(own: OwnServer) -> Iterator[MirroredServer]:
    with mirrored_server(own.fresh_database(), Options(rows=40)) as made:
        yield made


def test_a_full_disk_under_sqlite_is_reported_and_the_next_sync_continues(tmp_path: Path) -> None:
    with mirrored_server(f"sqlite:///{tmp_path / 'mirror.db'}", Options(rows=ROWS)) as mirrored:
        with disk_of(mirrored.engine, pages=400):
            fails_and_keeps_what_it_has(mirrored, "disk is full")
        goes_on(mirrored)


def test_a_full_disk_of_a_server_is_reported_and_the_next_sync_continues(own: OwnServer) -> None:
    own.restart(*SMALL_DISK)
    try:
        with mirrored_server(own.fresh_database(), Options(rows=ROWS)) as mirrored:
            fails_and_keeps_what_it_has(mirrored, "a table is full")
            own.restart()
            goes_on(mirrored)
    finally:
        own.restart()


@contextmanager
def disk_of(engine: Engine, *, pages: int) -> Iterator[None]:
    def limit(connection: Any, _: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    engine.dispose()
    event.listen(engine, "connect", limit)
    yield
    event.remove(engine, "connect", limit)
    engine.dispose()


def fails_and_keeps_what_it_has(mirrored: MirroredServer, words: str) -> None:
    with pytest.raises(DatabaseError, match=words):
        mirrored.run("exact")
    assert len(mirrored.contents().rows) < ROWS
    newest = mirrored.server.control.rows(mirrored.server.control.ids()[-20:])
    with pytest.raises(DatabaseError, match=words):
        for row in newest:  # rejected ones, which are kept whole
            mirrored.writer().push(json.dumps(row | {"cd_needs": "x" * 2**20, "sec_c/cd_age": None}).encode())


def goes_on(mirrored: MirroredServer) -> None:
    mirrored.run("exact")
    assert mirrored.verify().equal
    assert len(mirrored.contents().rows) == ROWS


@pytest.mark.parametrize("statement", [9, 24, 33, 41])
@pytest.mark.parametrize("end", [OwnServer.kill, OwnServer.stop])
def test_a_server_that_restarts_in_mid_transaction_loses_nothing(
    own: OwnServer, mirrored: MirroredServer, end: Callable[[OwnServer], None], statement: int
) -> None:
    """A transaction is run again; where something was only being read, the next sync goes on."""
    with before_statement(mirrored.engine, statement, lambda: restart(own, end)):
        try:
            mirrored.run("exact")
        except DatabaseError as error:
            assert re.search("the connection was lost|it cannot be reached", str(error))  # by another lane
    mirrored.run("exact")
    assert mirrored.verify().equal
    assert mirrored.contents() == mirrored.contents_from_scratch()


def test_a_delivery_in_a_restart_is_written_once_the_server_is_back(
    own: OwnServer, mirrored: MirroredServer
) -> None:
    body = json.dumps(mirrored.server.control.rows()[0]).encode()
    with before_statement(mirrored.engine, 1, lambda: restart(own, OwnServer.kill)):
        assert mirrored.writer().push(body).result == "inserted"
    assert len(mirrored.contents().ledger) == 1
    assert mirrored.writer().push(body).result == "unchanged"


def test_a_restart_before_the_commit_is_an_error_and_the_delivery_is_taken_then(
    own: OwnServer, mirrored: MirroredServer
) -> None:
    """A commit without an answer is no success: it cannot be told if it was carried out."""
    body = json.dumps(mirrored.server.control.rows()[0]).encode()
    event.listen(mirrored.engine, "commit", lambda _: restart(own, OwnServer.kill), once=True)
    with pytest.raises(DatabaseError, match="the connection was lost"):
        mirrored.writer().push(body)
    assert not mirrored.contents().ledger
    assert mirrored.writer().push(body).result == "inserted"


def restart(own: OwnServer, end: Callable[[OwnServer], None]) -> None:
    end(own)
    own.start()


@contextmanager
def before_statement(engine: Engine, number: int, happening: Callable[[], None]) -> Iterator[None]:
    """Let something happen before the ``number``-th statement of the block is sent."""
    left = number

    def count(*_: Any, **__: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            happening()

    event.listen(engine, "before_cursor_execute", count)
    yield
    event.remove(engine, "before_cursor_execute", count)
    assert left <= 0, "the block sent fewer statements"
