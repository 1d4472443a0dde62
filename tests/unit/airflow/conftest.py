"""Airflow's connections for the tests of the adapter."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from simulator.process import SimulatorProcess
from tests.support import airflow_environment  # noqa: F401  # before anything of Airflow

Connect = Callable[..., None]


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Set a connection by its id, as a person fills in its form."""

    def set_connection(conn_id: str, **fields: Any) -> None:
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(fields))

    return set_connection


@pytest.fixture
def kobo(connect: Connect, simulator: SimulatorProcess) -> Connect:
    """Set ``kobo_default`` to the simulated form, but for what is given otherwise."""

    def set_kobo(*, host: str = "", token: str | None = None, **extra: Any) -> None:
        connect(
            "kobo_default",
            conn_type="kobo",
            password=simulator.token if token is None else token,
            extra={"server": host or simulator.url, "asset_uid": simulator.asset, **extra},
        )

    set_kobo()
    return set_kobo
