from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kobo_mirror.errors import ConfigurationError
from tests.support import airflow_environment  # noqa: F401  # before anything of Airflow
from tests.support.dag_runs import fresh_dags

SETTINGS = {
    "KOBO_URL": "https://kobo.example",
    "KOBO_TOKEN": "a-token-of-the-tests",
    "KOBO_ASSET_ID": "aInkomokoTestForm00001",
    "DATABASE_URL": "mysql+pymysql://kobo:p%40ss%2Fword@db.example:3307/mirror?ssl_ca=/etc/ca.pem",
    "WEBHOOK_SECRET": "a secret of the tests",
    "REAL_TIME_POST_ENDPOINT_URL": "https://mirror.example/api/real-time-updates",
}


@pytest.fixture(autouse=True)
def no_connections(airflow_db: None) -> Iterator[None]:
    forget()
    yield
    forget()


def forget() -> None:
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    with create_session() as session:
        session.execute(delete(Connection))


def stored(conn_id: str) -> Any:
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        found = session.scalars(select(Connection).where(Connection.conn_id == conn_id)).one()
        return found.as_json(), found.conn_type, found.password, found.extra_dejson, found.host, found.port


def create(**changes: str) -> list[str]:
    from kobo_mirror.airflow.connections import create_connections

    return create_connections({**SETTINGS, **changes})


def test_both_connections_are_created_from_the_environment() -> None:
    assert create() == ["kobo_default", "kobo_database"]
    _, kind, password, extra, host, port = stored("kobo_default")
    assert (kind, password, host, port) == ("kobo", "a-token-of-the-tests", None, 0)
    assert extra == {
        "server": "https://kobo.example",
        "asset_uid": "aInkomokoTestForm00001",
        "page_size": 1000,
        "webhook_endpoint": "https://mirror.example/api/real-time-updates",
        "webhook_secret": "a secret of the tests",
    }
    _, kind, password, extra, host, port = stored("kobo_database")
    assert (kind, password, host, port) == ("kobodb", "p@ss/word", "db.example", 3307)
    assert extra == {"ssl_ca": "/etc/ca.pem"}


def test_a_port_is_always_stored_since_the_test_button_sends_one() -> None:
    create(DATABASE_URL="mysql://kobo:secret@db.example/mirror")
    assert stored("kobo_database")[5] == 3306
    forget()
    create(DATABASE_URL="sqlite:////srv/mirror.db")
    assert stored("kobo_database")[5] == 0


def test_an_sqlite_file_is_an_address_in_the_extra() -> None:
    create(DATABASE_URL="sqlite:////srv/mirror.db")
    _, kind, _, extra, host, _ = stored("kobo_database")
    assert (kind, host, extra) == ("kobodb", None, {"url": "sqlite:////srv/mirror.db"})


def test_an_existing_connection_is_left_as_it_is() -> None:
    create()
    before = stored("kobo_default"), stored("kobo_database")
    assert create(KOBO_TOKEN="another", DATABASE_URL="sqlite:////else.db") == []
    assert (stored("kobo_default"), stored("kobo_database")) == before


def test_existing_connections_need_no_settings() -> None:
    from kobo_mirror.airflow.connections import create_connections

    create()
    assert create_connections({"KOBO_URL": "nonsense"}) == []


def test_missing_settings_are_named_and_nothing_is_created() -> None:
    with pytest.raises(ConfigurationError, match=r"KOBO_TOKEN is not set; DATABASE_URL is not set"):
        create(KOBO_TOKEN="", DATABASE_URL="")
    assert create() == ["kobo_default", "kobo_database"]


def test_the_command_ends_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from kobo_mirror.airflow.connections import main

    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    assert main() == 2
    assert "KOBO_TOKEN is not set" in capsys.readouterr().err
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    assert main() == 0
    assert main() == 0
    assert "kobo_default: already there, left as it is" in capsys.readouterr().out


def test_the_pool_has_room_for_two_reading_tasks_and_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session
    from sqlalchemy import delete, select

    from kobo_mirror.airflow.pools import create_pools

    with create_session() as session:
        session.execute(delete(Pool).where(Pool.pool == "kobo_api"))
    monkeypatch.setenv("KOBO_MAX_IN_FLIGHT", "3")
    assert create_pools()
    monkeypatch.setenv("KOBO_MAX_IN_FLIGHT", "5")
    assert not create_pools()
    with create_session() as session:
        assert session.scalars(select(Pool.slots).where(Pool.pool == "kobo_api")).one() == 7


def test_a_file_that_names_forms_needs_none_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="KOBO_ASSET_ID is not set"):
        create(KOBO_ASSET_ID="")
    Path("kobo.yml").write_text("discover: all")
    assert create(KOBO_ASSET_ID="") == ["kobo_default", "kobo_database"]


def test_pools_that_are_missing_are_made_when_a_run_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session
    from sqlalchemy import delete, select

    from kobo_mirror.airflow.pool_listener import on_dag_run_running

    monkeypatch.chdir(tmp_path)
    Path("kobo.yml").write_text(
        "server: https://kf.kobotoolbox.org\nforms:\n  - {uid: aInkomokoTestForm00001}\n"
        "  - {uid: aInkomokoTestForm00002, server: https://eu.example, connection: kobo_eu}\n"
    )
    dag = fresh_dags()["kobo_sync_all"]
    pools = {task.task_id: task.pool for task in dag.tasks}
    name = "kobo_api__eu.example"
    assert pools == {"forms": "kobo_api", "sync": "kobo_api"} | dict.fromkeys(
        ("forms__eu.example", "sync__eu.example"), name
    )
    ours = set(pools.values())
    run = dag.test()  # fails, since there are no connections
    with create_session() as session:
        session.execute(delete(Pool).where(Pool.pool.in_(ours)))
    for _ in range(2):
        with create_session() as session:
            on_dag_run_running(session.get_one(DagRun, run.id), "")
    with create_session() as session:
        assert session.scalars(select(Pool.slots).where(Pool.pool.in_(ours))).all() == [9, 9]
