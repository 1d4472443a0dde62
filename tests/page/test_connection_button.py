"""The Test button of Airflow's list of connections, pressed on ``kobo_database``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, make_url, text

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.schema import migrate
from simulator.options import DEMO_ASSET, DEMO_TOKEN
from tests.support.database_server import DatabaseServer

SECRET = "pass word+%@:/?#é雪"
Press = Callable[..., dict[str, Any]]


@pytest.fixture
def press(airflow_app: Any, as_user: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Press]:
    """Makes the connections of a ``DATABASE_URL`` and presses the button, as the UI does."""
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session

    from kobo_mirror.airflow.connections import create_connections

    def forget() -> None:
        with create_session() as session:
            session.execute(delete(Connection))

    def pressed(database_url: str, **changes: Any) -> dict[str, Any]:
        create_connections(
            {"DATABASE_URL": database_url, "KOBO_TOKEN": DEMO_TOKEN, "KOBO_ASSET_ID": DEMO_ASSET}
        )
        client = as_user("ada")
        shown = client.get("http://testserver/api/v2/connections/kobo_database").json()
        texts = ("host", "login", "password", "schema", "description")
        sent = {name: shown[name] or "" for name in texts} | {
            "connection_id": shown["connection_id"],
            "conn_type": shown["conn_type"],
            "extra": shown["extra"] or "{}",
            "port": shown["port"] or 0,
        }
        answer = client.post("http://testserver/api/v2/connections/test", json=sent | changes)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    monkeypatch.setenv("AIRFLOW__CORE__TEST_CONNECTION", "Enabled")
    for name in ("AIRFLOW_CONN_KOBO_DEFAULT", "AIRFLOW_CONN_KOBO_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    forget()
    yield pressed
    forget()


@pytest.fixture
def mysql_url(server: DatabaseServer) -> Iterator[str]:
    """The address of an empty database whose user has a password that no address holds as it is."""
    url = make_url(server.fresh_database())
    host = "'button'@'127.0.0.1'"
    server.run(f"CREATE USER {host} IDENTIFIED BY '{SECRET.replace('%', '%%')}'".replace("%%", "%"))
    server.run(f"GRANT ALL ON `{url.database}`.* TO {host}")
    yield url.set(username="button", password=SECRET).render_as_string(hide_password=False)
    server.run(f"DROP USER {host}")
    server.drop_database(server.url(url.database or ""))


def with_tables(url: str) -> str:
    engine = open_engine(url)
    migrate(engine, KOBO_RECORDS)
    engine.dispose()
    return url


def test_a_database_that_works(press: Press, mysql_url: str) -> None:
    found = press(with_tables(mysql_url))
    assert found["message"].endswith("our tables are there, and it takes submissions.")
    assert found["message"].startswith(("Connected to MariaDB ", "Connected to MySQL "))
    assert found["status"] is True


def test_a_database_without_our_tables(press: Press, mysql_url: str) -> None:
    found = press(mysql_url)
    assert "lacks our tables" in found["message"]
    assert "the first kobo_sync makes them, and so does `python -m kobo_mirror migrate`" in found["message"]
    assert found["status"] is True


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"password": "wrong", "login": "button"}, "it refused the user or the password"),
        ({"login": "nosuchuser"}, "it refused the user or the password"),
        ({"schema": "nosuchdatabase"}, "may not use this database"),
        ({"port": 1, "password": "other"}, "it cannot be reached"),
        ({"extra": '{"nosuch": 1}'}, "has the option nosuch, which is not known here"),
        ({"extra": '{"ssl": {"ca": "/no/such.pem"}}'}, "has ssl_ca=/no/such.pem, but there is no such file"),
    ],
)
def test_what_is_wrong_is_a_sentence(
    press: Press, mysql_url: str, changes: dict[str, Any], said: str
) -> None:
    found = press(with_tables(mysql_url), **changes)
    assert said in found["message"]
    assert found["status"] is False
    assert SECRET not in found["message"]


def test_a_database_that_takes_nothing(press: Press, mysql_url: str, server: DatabaseServer) -> None:
    url = make_url(with_tables(mysql_url))
    server.run(f"REVOKE INSERT ON `{url.database}`.* FROM 'button'@'127.0.0.1'")
    found = press(mysql_url)
    assert (
        "but nothing can be written. The database could not take it: its user lacks a right"
        in found["message"]
    )
    assert found["status"] is False


def test_an_sqlite_file_that_works(press: Press, tmp_path: Path) -> None:
    file = tmp_path / "mirror.sqlite"
    found = press(with_tables(f"sqlite:///{file}"))
    assert found["message"] == (
        f"Connected to the SQLite file {file}: our tables are there, and it takes submissions."
    )
    assert found["status"] is True


def test_an_sqlite_file_that_is_not_there_is_not_made(press: Press, tmp_path: Path) -> None:
    found = press(f"sqlite:///{tmp_path / 'mirror.sqlite'}")
    assert f"There is no file {tmp_path / 'mirror.sqlite'}" in found["message"]
    assert found["status"] is False
    assert list(tmp_path.iterdir()) == []


def test_an_sqlite_file_that_is_none(press: Press, tmp_path: Path) -> None:
    (tmp_path / "mirror.sqlite").write_text("not a database; " * 100)
    found = press(f"sqlite:///{tmp_path / 'mirror.sqlite'}")
    assert "SQLite says 'file is not a database'" in found["message"]
    assert found["status"] is False


def test_other_tasks_may_use_the_connection(
    press: Press, mysql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the operators of Airflow's common SQL provider."""
    from airflow.sdk import BaseHook

    from tests.support.airflow_environment import connection_variables

    for name, value in connection_variables(
        DATABASE_URL=mysql_url, KOBO_TOKEN=DEMO_TOKEN, KOBO_ASSET_ID=DEMO_ASSET
    ).items():
        monkeypatch.setenv(name, value)
    hook = BaseHook.get_hook("kobo_database")
    assert hook.get_first("SELECT 1 + 1")[0] == 2
    with hook.get_sqlalchemy_engine().connect() as connection:
        assert connection.execute(text("SELECT DATABASE()")).scalar_one() == make_url(mysql_url).database
