"""A small simulated form, a server of several, and a receiver of deliveries."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from simulator.process import SimulatorProcess
from tests.simulator.any_forms import FORMS
from tests.simulator.api import AnyForms, Api
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


@pytest.fixture(scope="session")
def server_of_forms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    files = []
    for form in FORMS:
        files.append(tmp_path_factory.mktemp("forms") / f"{form['uid']}.json")
        files[-1].write_text(json.dumps(form), "utf-8")
    with SimulatorProcess(form=[str(file) for file in files], hook_time_scale=0.0005) as running:
        yield running


@pytest.fixture
def forms(server_of_forms: SimulatorProcess) -> Iterator[AnyForms]:
    """Return clients of the forms of ``any_forms.FORMS``, all of them fresh."""
    server_of_forms.control.reset()
    with AnyForms(server_of_forms) as clients:
        yield clients


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Start a receiver of deliveries that responds with 200 until it is told otherwise."""
    with Receiver() as running:
        yield running
