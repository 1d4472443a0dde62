"""A form that changes, by Airflow: the note tells what waits, and the run's form takes a person's word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect

from kobo_mirror.database.engine import reading
from kobo_mirror.store.plans import open_plan
from simulator.process import SimulatorProcess
from tests.dags.test_any_form import succeeded
from tests.simulator.any_forms import content, row
from tests.support.dag_runs import Airflow
from tests.support.forms.any_mirror import AnyMirror, any_mirror, form_file, uid_of

FIRST = content(row("begin_group", "people"), row("text", "head"), row("end_group"))
MOVED = content(row("date", "seen"), row("begin_repeat", "people"), row("text", "head"), row("end_repeat"))


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[AnyMirror]:
    file = form_file(tmp_path, "changes", FIRST, rows=6)
    database = f"sqlite:///{tmp_path / 'mirror.sqlite'}"
    with (
        SimulatorProcess(form=[file]) as simulator,
        any_mirror(simulator, uid_of("changes"), database) as made,
    ):
        yield made


@pytest.mark.long
def test_what_waits_is_in_the_note_and_is_declined_or_applied_by_its_code(
    airflow_db: None, monkeypatch: pytest.MonkeyPatch, mirror: AnyMirror
) -> None:
    airflow = Airflow(monkeypatch, mirror.simulator, mirror.url)
    succeeded(airflow, "kobo_sync")
    mirror.control.deploy(MOVED)
    note = succeeded(airflow, "kobo_sync")
    with reading(mirror.engine) as connection:
        plan = open_plan(connection, mirror.simulator.asset)
    assert plan is not None
    assert " s; the tables have changed: new in changes: seen" in note
    assert f"waits for a person: plan {plan.code}" in note

    note = succeeded(airflow, "kobo_sync", decline_plan=plan.code)
    assert note.startswith(f"The plan {plan.code} was declined: the tables stay as they are. 0 new, ")
    assert "waits" not in note
    assert not inspect(mirror.engine).has_table("changes__people")

    note = succeeded(airflow, "kobo_sync", apply_plan=plan.code, schema=plan.policy)
    assert "people is a repeat now: its answers move to changes__people" in note
    assert inspect(mirror.engine).has_table("changes__people")
    assert mirror.found() == mirror.wanted()

    failed = airflow.run("kobo_sync", decline_plan=plan.code)
    assert airflow.states(failed)["prepare"] == "failed"
    assert airflow.tries(failed, "prepare") == 1
    assert "No plan waits under the code that was given" in airflow.note(failed)
