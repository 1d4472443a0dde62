"""Airflow as the tests of the DAGs need it: its tables, and the DAGs as it loads them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine

from simulator.process import SimulatorProcess
from tests.support import airflow_environment
from tests.support.dag_runs import Airflow
from tests.support.forms.office import ROWS, Office, open_office, serve_forms
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag


@pytest.fixture(scope="session")
def airflow_db() -> None:
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture(scope="session")
def dagbag() -> DagBag:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(airflow_environment.ROOT / "dags"))


@pytest.fixture
def airflow(
    airflow_db: None,
    monkeypatch: pytest.MonkeyPatch,
    simulator: SimulatorProcess,
    database_url: str,
    engine: Engine,
) -> Airflow:
    return Airflow(monkeypatch, simulator, database_url)


@pytest.fixture(scope="module")
def office_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SimulatorProcess]:
    """Serve the forms that a test asks for, as a rule three."""
    with serve_forms(tmp_path_factory.mktemp("forms"), getattr(request, "param", ROWS)) as running:
        yield running


@pytest.fixture
def office(
    office_server: SimulatorProcess,
    database_url: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Office]:
    terminal = Terminal(capsys, monkeypatch)
    with open_office(office_server, database_url, terminal, tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def office_airflow(
    airflow_db: None, monkeypatch: pytest.MonkeyPatch, office: Office, database_url: str
) -> Airflow:
    by_airflow = Airflow(monkeypatch, office.server, database_url)
    by_airflow.connect(KOBO_ASSET_ID="")
    return by_airflow
