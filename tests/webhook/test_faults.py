"""Each fault of a real server is a 503 in time, and passes without a restart."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress

import pytest
from sqlalchemy import URL, Engine, NullPool, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.schema import migrate
from tests.support.database_server import OwnServer, own_server
from tests.webhook.application import MIRROR, Tables, client_of, post
from tests.webhook.bodies import body

CANARY = "canary-answer-91e0"


@pytest.fixture(scope="module")
def database() -> Iterator[OwnServer]:
    with own_server() as server:
        yield server


@pytest.fixture
def admin(database: OwnServer) -> Iterator[Engine]:
    """A fresh database with our tables, in the hands of its administrator."""
    url = database.fresh_database()
    ours = open_engine(url)
    migrate(ours, KOBO_RECORDS)
    bind(ours, MIRROR)
    ours.dispose()
    yield create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    database.drop_database(url)


@pytest.fixture
def plain(admin: Engine) -> Iterator[URL]:
    """The same database for a user who may only read and write."""
    url = make_url(admin.url).set(username="plain", password="made-up")
    rights = f"GRANT SELECT, INSERT, UPDATE, DELETE ON `{url.database}`.* TO 'plain'@'127.0.0.1'"
    run(admin, "CREATE USER 'plain'@'127.0.0.1' IDENTIFIED BY 'made-up'", rights)
    yield url
    run(admin, "DROP USER 'plain'@'127.0.0.1'")


def run(engine: Engine, *statements: str) -> None:
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))


@contextmanager
def statements(engine: Engine, before: str, after: str) -> Iterator[None]:
    run(engine, before)
    try:
        yield
    finally:
        run(engine, after)


def read_only(admin: Engine, plain: URL) -> AbstractContextManager[None]:
    return statements(admin, "SET GLOBAL read_only = 1", "SET GLOBAL read_only = 0")


@contextmanager
def too_many_connections(admin: Engine, plain: URL) -> Iterator[None]:
    with (
        statements(admin, "SET GLOBAL max_connections = 10", "SET GLOBAL max_connections = 151"),
        ExitStack() as open_,
    ):
        others = create_engine(plain, poolclass=NullPool)
        for _ in range(10):
            open_.enter_context(others.connect())
        yield


@contextmanager
def table_full(admin: Engine, plain: URL) -> Iterator[None]:
    """A table in memory that is filled up says what one on a full disk says."""
    run(admin, "ALTER TABLE kobo_records ENGINE = MEMORY, MAX_ROWS = 1")
    with admin.connect() as connection:
        connection.execute(text("CREATE TEMPORARY TABLE filling SELECT * FROM kobo_records LIMIT 1"))
        with suppress(OperationalError):
            for number in range(1000, 2000):
                connection.execute(text("UPDATE filling SET id = :n, kobo_id = :n"), {"n": number})
                connection.execute(text("INSERT INTO kobo_records SELECT * FROM filling"))
    try:
        yield
    finally:
        run(
            admin,
            "DELETE FROM kobo_records WHERE kobo_id >= 1000",
            "ALTER TABLE kobo_records ENGINE = InnoDB, MAX_ROWS = 0",
        )


@contextmanager
def table_locked(admin: Engine, plain: URL) -> Iterator[None]:
    with admin.connect() as connection:
        connection.execute(text("LOCK TABLES kobo_submissions WRITE"))
        yield
        connection.execute(text("UNLOCK TABLES"))


def no_right_to_write(admin: Engine, plain: URL) -> AbstractContextManager[None]:
    on = f"INSERT ON `{plain.database}`.* {{}} 'plain'@'127.0.0.1'"
    return statements(admin, f"REVOKE {on.format('FROM')}", f"GRANT {on.format('TO')}")


def table_gone(admin: Engine, plain: URL) -> AbstractContextManager[None]:
    rename = "RENAME TABLE {} TO {}"
    return statements(
        admin, rename.format("kobo_submissions", "elsewhere"), rename.format("elsewhere", "kobo_submissions")
    )


@pytest.mark.parametrize(
    ("fault", "warm"),
    [
        (read_only, True),
        (read_only, False),
        (too_many_connections, False),
        (table_full, True),
        (table_locked, True),
        (no_right_to_write, False),
        (table_gone, True),
    ],
)
def test_a_fault_is_a_503_in_time_and_passes(
    fault: Callable[[Engine, URL], AbstractContextManager[None]],
    warm: bool,
    admin: Engine,
    plain: URL,
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = open_engine(plain, patience=1)
    client = client_of(engine)
    first = (post(client, body(1)).status_code for _ in range(10))  # a busy machine connects in over a second
    assert 200 in first
    if not warm:
        engine.dispose()
    sent = body(2, **{"sec_c/cd_client_name": CANARY})
    with caplog.at_level(logging.DEBUG), fault(admin, plain):
        started = time.monotonic()
        refused = post(client, sent)
        assert time.monotonic() - started < 5
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0
        started = time.monotonic()
        assert client.simulate_get("/health/ready").status_code == 503
        assert time.monotonic() - started < 5
        kept = post(client, b"[]").status_code
        assert kept in (400, 503)
    told = caplog.text + str([record.__dict__ for record in caplog.records]) + refused.text
    told += client.simulate_get("/metrics").text
    assert CANARY not in told
    assert "made-up" not in told
    if fault is no_right_to_write:
        engine.dispose()  # a connection keeps the rights it was opened with
    assert client.simulate_get("/health/ready").status_code == 200
    assert post(client, sent).json["result"] == "inserted"
    assert Tables(engine).cells("kobo_id") == [1, 2]
    engine.dispose()
