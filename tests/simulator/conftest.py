"""A small simulated form, and a receiver of its deliveries."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulator.process import SimulatorProcess
from tests.simulator.api import Api
from tests.simulator.receiver import Receiver

ROWS = 7


@pytest.fixture(scope="session")
def small_server() -> Iterator[SimulatorProcess]:
    with SimulatorProcess(rows=ROWS, hook_timeout=0.5, hook_time_scale=0.0005) as running:
        yield running


@pytest.fixture
def api(small_server: SimulatorProcess) -> Iterator[Api]:
    """Return a client of a fresh form with seven submissions."""
    small_server.control.reset(rows=ROWS)
    with Api(small_server) as client:
        yield client


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Start a receiver of deliveries that responds with 200 until it is told otherwise."""
    with Receiver() as running:
        yield running
