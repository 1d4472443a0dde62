"""A migrated database and a simulated server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.schema import migrate
from simulator.process import SimulatorProcess
from tests.support.albums import album, people, small_album
from tests.support.forms.office import ROWS, Office, open_office, serve_forms
from tests.support.mirroring import Mirroring
from tests.support.terminal import Terminal

__all__ = ["album", "embedded", "embedded_ready", "mirroring", "people", "ready", "small_album", "terminal"]


@pytest.fixture
def mirroring(simulator: SimulatorProcess, database_url: str) -> Iterator[Mirroring]:
    """Return a mirror of the simulated server; nothing has been synced yet."""
    engine = open_engine(database_url)
    migrate(engine, KOBO_RECORDS)
    yield Mirroring(simulator, database_url, engine, [])
    engine.dispose()


@pytest.fixture
def embedded(simulator: SimulatorProcess, tmp_path: Path) -> Iterator[Mirroring]:
    """Return such a mirror on SQLite only, for what does not depend on the kind of database."""
    url = f"sqlite:///{tmp_path / 'mirror.sqlite'}"
    engine = open_engine(url)
    migrate(engine, KOBO_RECORDS)
    yield Mirroring(simulator, url, engine, [])
    engine.dispose()


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    return Terminal(capsys, monkeypatch)


@pytest.fixture
def ready(terminal: Terminal, mirroring: Mirroring) -> Mirroring:
    """Everything is set as in .env."""
    terminal.set_as_in_env_file(mirroring)
    return mirroring


@pytest.fixture
def embedded_ready(terminal: Terminal, embedded: Mirroring) -> Mirroring:
    """Return the settings of .env for a mirror on SQLite."""
    terminal.set_as_in_env_file(embedded)
    return embedded


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
    terminal: Terminal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Office]:
    with open_office(office_server, database_url, terminal, tmp_path, monkeypatch) as made:
        yield made
