"""A form whose tables are all derived, by Airflow: each step of a sync is a task of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, select

from simulator.process import SimulatorProcess
from tests.dags.test_sync import STEPS
from tests.simulator.any_forms import content, row
from tests.support.dag_runs import Airflow
from tests.support.forms.any_mirror import AnyMirror, any_mirror, form_file, uid_of
from tests.support.tables import run_sql

SUBMISSIONS = 40
FIRST = (
    row("text", "village"),
    row("integer", "age"),
    row("image", "photo"),
    row("begin_repeat", "members"),
    row("text", "who"),
    row("begin_repeat", "visits"),
    row("date", "on"),
    row("end_repeat"),
)
HOUSEHOLD = content(*FIRST, row("end_repeat"))
GROWN = content(*FIRST, row("geopoint", "home"), row("end_repeat"))


@pytest.fixture
def household(tmp_path: Path) -> Iterator[SimulatorProcess]:
    with SimulatorProcess(form=[form_file(tmp_path, "household", HOUSEHOLD, rows=SUBMISSIONS)]) as running:
        yield running


@pytest.fixture
def mirror(household: SimulatorProcess, database_url: str) -> Iterator[AnyMirror]:
    with any_mirror(household, uid_of("household"), database_url) as found:
        yield found


@pytest.fixture
def by_airflow(airflow_db: None, monkeypatch: pytest.MonkeyPatch, mirror: AnyMirror) -> Airflow:
    return Airflow(monkeypatch, mirror.simulator, mirror.url)


def succeeded(airflow: Airflow, dag_id: str, **params: Any) -> str:
    """Run a DAG that is to succeed in all of its tasks; return the note of the run."""
    run = airflow.run(dag_id, **params)
    states = airflow.states(run)
    assert set(states.values()) == {"success"}, airflow.note(run)
    assert dag_id != "kobo_sync" or set(states) == set(STEPS)
    return airflow.note(run)


def test_its_tables_are_made_filled_kept_up_and_proven(by_airflow: Airflow, mirror: AnyMirror) -> None:
    before = len(told())
    assert succeeded(by_airflow, "kobo_sync", page_size=3).startswith(f"{SUBMISSIONS} new, 0 edited, 0 del")
    assert mirror.found() == mirror.wanted()
    assert not inspect(mirror.engine).has_table("kobo_records")
    assert mirror.control.stats()["hooks"] == 1

    edited, emptied, deleted, *_ = mirror.control.ids()
    mirror.control.edit(edited, members=[{"members/who": who} for who in ("Ann", "Ben", "Cy")])
    mirror.control.edit(emptied, members=[])
    mirror.control.delete(deleted)
    mirror.control.deploy(GROWN)
    mirror.control.create(5)
    assert succeeded(by_airflow, "kobo_sync", mode="exact").startswith("5 new, 2 edited, 1 deleted, 0 rej")
    assert mirror.found() == mirror.wanted()
    assert "home__lat" in {column["name"] for column in inspect(mirror.engine).get_columns(members(mirror))}
    assert mirror.control.stats()["hooks"] == 1

    asset = "kobo://mirror/kobo_records"
    assert told()[before:] == [(asset, SUBMISSIONS), (asset, 5)]
    proof = f"mirror equals source: {SUBMISSIONS + 4} submissions, 0 differences"
    assert succeeded(by_airflow, "kobo_verify", full=True) == proof


def test_a_repetition_that_was_changed_by_hand_fails_the_proof_until_it_is_repaired(
    by_airflow: Airflow, mirror: AnyMirror
) -> None:
    one, *_ = mirror.control.create(1, members=[{"members/who": "Ann"}, {"members/who": "Ben"}])
    succeeded(by_airflow, "kobo_sync")
    run_sql(mirror.engine, f"UPDATE {members(mirror)} SET who = 'Cy' WHERE kobo_id = {one} AND pos = 2")
    failed = by_airflow.run("kobo_verify")
    assert by_airflow.states(failed) == {"forms": "success", "verify": "failed"}
    total = SUBMISSIONS + 1
    assert by_airflow.note(failed) == (
        f"mirror differs from source: {total} submissions, 1 differences (1 different)"
    )
    repaired = by_airflow.run("kobo_verify", repair=True)
    assert by_airflow.states(repaired) == {"forms": "success", "verify": "success"}
    assert mirror.found() == mirror.wanted()


def told() -> list[tuple[str, int]]:
    """The address of the asset of each event, and how many new submissions it tells of."""
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session

    with create_session() as session:
        events = session.scalars(select(AssetEvent).order_by(AssetEvent.id))
        return [(event.asset.uri, event.extra["inserted"]) for event in events]


def members(mirror: AnyMirror) -> str:
    """The name of the table that has a row for each member."""
    assert mirror.mirror.schema
    return f"{mirror.mirror.schema.root.name}__members"
