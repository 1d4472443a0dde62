from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, make_url, text
from sqlalchemy.exc import OperationalError

from tests.support import database_server as servers
from tests.support.server_process import NoServerError

HOLD_A_SERVER = """
import sys, time
from tests.support.database_server import own_server
with own_server() as server:
    print(server.url(), server._process.home, flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def own() -> Iterator[servers.OwnServer]:
    with servers.own_server() as server:
        server.run(
            "CREATE DATABASE lone CHARACTER SET utf8mb4",
            "CREATE USER 'lodger'@'127.0.0.1' IDENTIFIED BY 'pw'",
            "GRANT ALL PRIVILEGES ON lone.* TO 'lodger'@'127.0.0.1'",
        )
        yield server


@pytest.fixture
def lodger(own: servers.OwnServer) -> Iterator[str]:
    """Return the address of the one database of a user who may not create others."""
    yield make_url(own.url("lone")).set(username="lodger", password="pw").render_as_string(False)
    own.run("DROP DATABASE lone", "CREATE DATABASE lone CHARACTER SET utf8mb4")


def tables(url: str) -> list[str]:
    engine = create_engine(url)
    try:
        return inspect(engine).get_table_names()
    finally:
        engine.dispose()


def databases(server: servers.DatabaseServer) -> list[str]:
    engine = create_engine(server.url())
    with engine.connect() as connection:
        names = [str(name) for (name,) in connection.execute(text("SHOW DATABASES"))]
    engine.dispose()
    return names


@pytest.mark.parametrize("driver", ["pymysql", "mysqldb"])
def test_a_fresh_database_is_empty_and_goes_at_the_end(own: servers.OwnServer, driver: str) -> None:
    server = servers.DatabaseServer(make_url(own.url()))
    first, second = server.fresh_database(driver=driver), server.fresh_database(driver=driver)
    server.run("CREATE TABLE a (id INTEGER)", database=make_url(first).database or "")
    assert (tables(first), tables(second)) == (["a"], [])
    server.close()
    assert not {make_url(first).database, make_url(second).database} & set(databases(own))


def test_what_was_committed_survives_a_kill_and_a_restart(own: servers.OwnServer) -> None:
    url = own.fresh_database()
    own.run("CREATE TABLE a (id INTEGER)", database=make_url(url).database or "")
    pid = own.pid
    own.kill()
    own.start()
    own.restart()
    assert own.pid != pid
    assert tables(url) == ["a"]


def test_a_user_who_may_create_databases_keeps_the_named_one_untouched(own: servers.OwnServer) -> None:
    named = own.fresh_database()
    own.run("CREATE TABLE theirs (id INTEGER)", database=make_url(named).database or "")
    server = servers.given_server(make_url(named))
    assert make_url(server.fresh_database()).database != make_url(named).database
    server.close()
    assert tables(named) == ["theirs"]


def test_one_database_is_emptied_for_each_use_and_left_empty(lodger: str) -> None:
    server = servers.given_server(make_url(lodger))
    url = server.fresh_database()
    server.run(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
        "CREATE TABLE child (id INTEGER, FOREIGN KEY (id) REFERENCES parent (id))",
        "CREATE VIEW seen AS SELECT id FROM child",
        database=make_url(url).database or "",
    )
    assert "child" in tables(url)
    assert "child" not in tables(server.fresh_database())
    server.close()
    assert tables(lodger) == []


def test_one_database_left_by_a_killed_run_is_taken_up_again(lodger: str) -> None:
    killed = servers.given_server(make_url(lodger))
    killed.run("CREATE TABLE left_over (id INTEGER)", database="lone")
    assert "left_over" not in tables(servers.given_server(make_url(lodger)).fresh_database())


def test_a_database_with_tables_of_others_is_refused_and_untouched(
    own: servers.OwnServer, lodger: str
) -> None:
    own.run("CREATE TABLE theirs (id INTEGER)", database="lone")
    with pytest.raises(NoServerError, match="lone in DATABASE_TEST_URL holds tables"):
        servers.given_server(make_url(lodger))
    assert tables(lodger) == ["theirs"]


@pytest.mark.parametrize("url", ["sqlite:///a.sqlite", "mysql+pymysql://root@127.0.0.1"])
def test_what_names_no_server_database_is_refused(url: str) -> None:
    with pytest.raises(NoServerError, match="must name a MySQL or MariaDB database"):
        servers.given_server(make_url(url))


def test_a_wrong_password_is_one_sentence_without_it(own: servers.OwnServer) -> None:
    wrong = make_url(own.url("lone")).set(password="not-the-one")
    with pytest.raises(NoServerError, match=r"the server answers error 1045\.$"):
        servers.given_server(wrong)


def test_the_server_and_its_data_go_with_a_killed_run() -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD_A_SERVER],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": "."},
    )
    assert holder.stdout is not None
    url, home = holder.stdout.readline().split()
    holder.kill()
    holder.communicate()
    deadline = time.monotonic() + 10
    while Path(home).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(home).exists()
    with pytest.raises(OperationalError):
        tables(url)
