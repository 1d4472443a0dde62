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
from tests.support.forms.office import Office, open_office, three_forms
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
def server_of_three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    with three_forms(tmp_path_factory.mktemp("forms")) as running:
        yield running


@pytest.fixture
def office(
    server_of_three: SimulatorProcess,
    database_url: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Office]:
    terminal = Terminal(capsys, monkeypatch)
    with open_office(server_of_three, database_url, terminal, tmp_path, monkeypatch) as made:
        yield made
