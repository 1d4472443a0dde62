"""Airflow as the tests of the DAGs need it: its tables, and the DAGs as it loads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine

from simulator.process import SimulatorProcess
from tests.support import airflow_environment
from tests.support.dag_runs import Airflow

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
