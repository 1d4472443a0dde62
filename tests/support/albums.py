"""A form with files beside, in and inside repeats, its server, and what a mirror of it holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from kobo_mirror.database.engine import open_engine
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import forms
from simulator.process import SimulatorProcess
from tests.simulator.any_forms import PEOPLE
from tests.support.mirroring import Mirroring
from tests.support.passing_time import pass_time
from tests.support.tables import rows_of

DAY = 24 * 60  # minutes
LONG_AGO = {"_submission_time": "2026-01-05T08:00:00"}
FILES = "%22_attachments%22"
"""What the address of a page of files holds, and no other does."""


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """A form with files beside, in and inside repeats."""
    file = tmp_path_factory.mktemp("forms") / "people.json"
    file.write_text(json.dumps({"name": "People", "uid": "aPeople", "versions": [PEOPLE], "rows": 0}))
    with SimulatorProcess(form=[str(file)]) as running:
        yield running


@pytest.fixture
def album(people: SimulatorProcess, database_url: str) -> Iterator[Mirroring]:
    yield from _mirroring(people, database_url)


@pytest.fixture
def small_album(people: SimulatorProcess, tmp_path: Path) -> Iterator[Mirroring]:
    """The same on SQLite alone, for what does not depend on the kind of database."""
    yield from _mirroring(people, f"sqlite:///{tmp_path / 'album.sqlite'}")


def _mirroring(simulator: SimulatorProcess, url: str) -> Iterator[Mirroring]:
    simulator.control.faults.clear()
    simulator.control.reset()
    engine = open_engine(url)
    migrate(engine)
    yield Mirroring(simulator, url, engine, [])
    engine.dispose()


def later(mirroring: Mirroring, minutes: int) -> None:
    """Let time pass for the mirror and for the history of the server."""
    pass_time(mirroring.engine, minutes)
    mirroring.simulator.control.age_history(60 * minutes)


def sent(mirroring: Mirroring, number: int, *, uploaded: bool = True) -> list[int]:
    """Submissions that reached the server long ago, each with a portrait in a repeat and a picture."""
    control, ids = mirroring.simulator.control, list[int]()
    for count in range(number):
        rows = [{"people/portrait": f"face {count}.png"}]
        ids += control.create(1, drawn=False, uploaded=uploaded, people=rows, pic=f"p{count}.png")
        control.raw(ids[-1], LONG_AGO)
    return ids


def synced_long_ago(mirroring: Mirroring, number: int = 4, *, uploaded: bool = True) -> list[int]:
    """Return the ids of submissions that were mirrored three days ago."""
    ids = sent(mirroring, number, uploaded=uploaded)
    assert mirroring.sync()["inserted"] == number
    later(mirroring, 3 * DAY)
    mirroring.simulator.control.clear_requests()
    return ids


def files_of(mirroring: Mirroring, kobo_id: int) -> dict[str, tuple[bool, str]]:
    """By name whether a file is deleted, and the column that names it."""
    query = text("SELECT file_name, is_deleted, column_name FROM people__files WHERE kobo_id = :id")
    with mirroring.engine.connect() as connection:
        return {
            name: (bool(gone), column) for name, gone, column in connection.execute(query, {"id": kobo_id})
        }


def moved(mirroring: Mirroring) -> dict[int, Any]:
    """When the rows of each submission changed last."""
    with mirroring.engine.connect() as connection:
        rows = connection.execute(text("SELECT kobo_id, updated_at FROM people"))
        return {row[0]: row[1] for row in rows}


def swept_at(mirroring: Mirroring) -> datetime | None:
    (form,) = rows_of(mirroring.engine, forms)
    moment: datetime | None = form["files_swept_at"]
    return moment


def pages(mirroring: Mirroring) -> list[str]:
    """The requests for files."""
    return [request["query"] for request in mirroring.requests() if FILES in request["query"]]


def asked_again(mirroring: Mirroring) -> list[str]:
    return [request["query"] for request in mirroring.requests() if "%24in" in request["query"]]
