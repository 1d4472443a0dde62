"""Airflow's real API server with our page in it, its users, and a mirror's database to look at."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.schema import migrate
from simulator.options import DEMO_ASSET, DEMO_TOKEN
from tests.support import airflow_environment
from tests.support.submissions import MIRROR

USERS = {"vic": "viewer", "una": "user", "oli": "op", "ada": "admin"}
os.environ |= {
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in USERS.items()),
    "AIRFLOW__API_AUTH__JWT_SECRET": "a-secret-of-the-tests-alone-that-is-long-enough-to-sign-with-sha512!",
}

Client = Callable[[str | None], TestClient]


@pytest.fixture(scope="session")
def airflow_app() -> Any:
    from airflow.api_fastapi.app import create_app
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.utils.db import initdb

    initdb()
    DagBundlesManager().sync_bundles_to_db()
    sync_bag_to_db(DagBag(str(airflow_environment.ROOT / "dags")), "dags-folder", None)
    return create_app()


@pytest.fixture(scope="session")
def as_user(airflow_app: Any) -> Client:
    """A client of the page, logged in as the user of that name, or as nobody."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    def client(name: str | None) -> TestClient:
        found = TestClient(airflow_app, base_url="http://testserver/kobo-mirror/", follow_redirects=False)
        if name:
            token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=name, role=USERS[name]))
            found.headers["Authorization"] = f"Bearer {token}"
        return found

    return client


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets the two connections."""

    def given(database_url: str, *, kobo_url: str = MIRROR.server, asset: str = MIRROR.asset_uid) -> None:
        variables = airflow_environment.connection_variables(
            DATABASE_URL=database_url,
            KOBO_URL=kobo_url,
            KOBO_TOKEN=DEMO_TOKEN,
            KOBO_ASSET_ID=asset,
        )
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return given


@pytest.fixture
def mirror_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'mirror.sqlite'}"


@pytest.fixture
def engine(mirror_url: str, settings: Callable[..., None]) -> Iterator[Engine]:
    """An empty mirror that the page shows."""
    engine = open_engine(mirror_url)
    migrate(engine, KOBO_RECORDS)
    bind(engine, MIRROR)
    settings(mirror_url)
    yield engine
    engine.dispose()


@pytest.fixture
def simulated(simulator: Any, mirror_url: str, settings: Callable[..., None]) -> Iterator[tuple[Any, Engine]]:
    """A simulated server and an empty database; the connections name both."""
    engine = open_engine(mirror_url)
    migrate(engine, KOBO_RECORDS)
    settings(mirror_url, kobo_url=simulator.url, asset=DEMO_ASSET)
    yield simulator, engine
    engine.dispose()
