"""Airflow's real API server with our page in it, its users, and a mirror's database to look at."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page
from sqlalchemy import Engine

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.schema import migrate
from simulator.options import DEMO_ASSET, DEMO_TOKEN
from tests.support import airflow_environment
from tests.support.browser import chromium
from tests.support.submissions import MIRROR

USERS = {"vic": "viewer", "una": "user", "oli": "op", "ada": "admin"}
os.environ |= {
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in USERS.items()),
    "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
    "AIRFLOW__API_AUTH__JWT_SECRET": "a-secret-of-the-tests-alone-that-is-long-enough-to-sign-with-sha512!",
}

Client = Callable[[str | None], TestClient]
Open = Callable[..., Page]


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


@pytest.fixture(scope="module")
def served(airflow_app: Any) -> Iterator[str]:
    """Airflow's API server on a port of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(airflow_app, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def opened(browser: Browser, served: str, as_user: Client) -> Iterator[Open]:
    """Opens the page as a user, in a window of its own; any error of its scripts fails the test."""
    contexts, errors = [], []

    def open_page(user: str = "ada", path: str = "", *, may_fail: bool = False, **options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        token = as_user(user).headers["Authorization"].removeprefix("Bearer ")
        context.add_cookies([{"name": "_token", "value": token, "url": served}])
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.clock.install()
        page.on("pageerror", lambda error: errors.append(str(error)))
        if not may_fail:  # a request that is refused is an error on the console
            page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.goto(f"{served}/kobo-mirror/{path}")
        page.wait_for_load_state("networkidle")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []
