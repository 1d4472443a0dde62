"""Forms by Airflow when each is due: by a schedule or a DAG of its own; and a malformed file."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from kobo_mirror.database.engine import reading
from kobo_mirror.store.tables import forms
from tests.dags.test_many_forms import ALL, ended, told
from tests.support.airflow_environment import ROOT
from tests.support.dag_runs import Airflow, fresh_dags
from tests.support.forms.office import HOUSE, NOTES, VISIT, Office
from tests.support.task_runs import TaskRun

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def airflow(office_airflow: Airflow) -> Airflow:
    return office_airflow


@pytest.mark.long
def test_a_form_with_a_dag_of_its_own_is_not_in_the_map(airflow: Airflow, office: Office) -> None:
    office.write(ALL.replace("table: visits", 'table: visits, own_dag: true, schedule: "@weekly"'))
    before = len(told())
    dag_id = f"kobo_sync__{VISIT}"
    run = airflow.run(dag_id)
    states = airflow.states(run)
    assert set(states.values()) == {"success"}
    assert (len(states), told(before)) == (7, [("visits", "kobo://mirror/visits", 30)])
    assert airflow.note(run).startswith("visits: 30 new, ")
    assert fresh_dags()[dag_id].dag_display_name == "kobo_sync: visits"
    assert fresh_dags()[dag_id].schedule == "@weekly"
    assert schedules(office) == {VISIT: ("@weekly", None)}
    assert office.tables() == {VISIT: "visits"}
    run = airflow.run("kobo_sync_all")
    assert set(ended(run)) == {"households", "notes"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            "  - {uid: aYetAnotherForm0000001, table: visits}",
            "two forms ask for the table visits: this one and that of line 4; give each its own.",
        ),
        pytest.param(
            "    schedule: '61 * * * *'", "schedule must be @hourly, @daily, ", marks=pytest.mark.long
        ),
        pytest.param("  - own_dag: true", "own_dag needs uid beside it: add uid, ", marks=pytest.mark.long),
    ],
)
def test_a_malformed_file_is_an_import_error_with_its_line_and_kobo_sync_goes_on(
    airflow: Airflow, office: Office, wrong: str, said: str
) -> None:
    from airflow.dag_processing.dagbag import DagBag

    airflow.connect(KOBO_ASSET_ID=NOTES)
    office.write(f"{ALL}{wrong}\n")
    bag = DagBag(str(ROOT / "dags"))
    assert {Path(file).name for file in bag.import_errors} == {"kobo_sync_all.py", "kobo_sync_own.py"}
    for error in bag.import_errors.values():
        (sentence,) = (line for line in error.splitlines() if "kobo.yml, line 6" in line)
        assert f"line 6: {said}" in sentence
    assert set(bag.dags) == {"kobo_sync", "kobo_verify", "kobo_replay", "kobo_forms"}


def test_a_form_with_a_schedule_of_its_own_is_left_out_until_it_is_due(
    airflow: Airflow, office: Office
) -> None:
    office.write(ALL.replace("table: visits", 'table: visits, schedule: "@yearly"'))
    assert sorted(chosen("scheduled")) == sorted(["households", "visits", NOTES])
    assert office.run("sync")[0] == 0
    assert sorted(chosen("scheduled")) == ["households", "notes"]
    assert sorted(chosen("manual")) == ["households", "notes", "visits"]
    assert schedules(office) == {HOUSE: (None, None), VISIT: (None, "@yearly"), NOTES: (None, None)}


def schedules(office: Office) -> dict[str, tuple[str | None, str | None]]:
    """When each form is read, as its last sync has noted it: the rounds, and its own."""
    columns = forms.c.asset_uid, forms.c.round_schedule, forms.c.own_schedule
    with reading(office.engine) as connection:
        return {uid: (rounds, own) for uid, rounds, own in connection.execute(select(*columns))}


def chosen(kind: str) -> list[str]:
    """The forms that the first task of a run of this kind chooses."""
    found = TaskRun(kind).execute("KoboChooseOperator")
    return [one["form"] for one in found]
