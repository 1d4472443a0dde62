from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from kobo_mirror.database.engine import reading
from kobo_mirror.errors import (
    ConfigurationError,
    CredentialsError,
    DeletesWaitError,
)
from kobo_mirror.store.shown_runs import run_named
from kobo_mirror.store.tables import codes, sync_runs
from simulator.process import SimulatorProcess
from tests.support.tables import ages, rows_of
from tests.support.task_runs import TaskRun

Connect = Callable[..., None]


def test_one_task_can_do_all_of_it(run: TaskRun, engine: Engine, simulator: SimulatorProcess) -> None:
    from airflow.sdk import Asset

    records = Asset(name="records", uri="kobo://tests/records")
    counts = run.execute("KoboOperator", outlets=[records])
    assert counts["inserted"] == 300
    assert run.told[records].extra == counts
    assert sorted(ages(engine)) == simulator.control.ids()


def test_its_run_is_found_by_the_name_that_its_link_has(
    run: TaskRun, engine: Engine, simulator: SimulatorProcess
) -> None:
    from kobo_mirror.airflow.links import run_name

    run.execute("KoboOperator")
    with reading(engine) as connection:
        found = run_named(connection, simulator.asset, run_name("dag", "run"))
        assert run_named(connection, simulator.asset, run_name("dag", "ru")) is None
    assert found is not None
    assert found.inserted == 300


def test_the_steps_one_by_one_do_the_same(run: TaskRun, engine: Engine, simulator: SimulatorProcess) -> None:
    run_handle = run.execute("KoboPrepareOperator", mode="auto", since_id="None")
    for arguments in run.execute("KoboPlanOperator", run_handle=run_handle, groups=2):
        run.execute("KoboPullOperator", run_handle=run_handle, page_size="100", **arguments)
    run.execute("KoboReconcileOperator", run_handle=run_handle, confirm_deletes="None")
    assert run.execute("KoboPublishOperator", run_handle=run_handle)["inserted"] == 300
    assert sorted(ages(engine)) == simulator.control.ids()
    pages = [call for call in simulator.control.requests() if "limit=100&" in f"{call['query']}&"]
    assert len(pages) >= 3


@pytest.mark.parametrize("code", ["0" * 12, "é" * 12])
@pytest.mark.parametrize("operator", ["KoboOperator", "KoboPrepareOperator"])
def test_a_code_that_confirms_no_list_fails_the_run_before_it_begins(
    run: TaskRun, engine: Engine, simulator: SimulatorProcess, operator: str, code: str
) -> None:
    run.execute("KoboOperator")
    before = len(rows_of(engine, sync_runs))
    with pytest.raises(ConfigurationError, match="No list of deletes waits under the code"):
        run.execute(operator, confirm_deletes=code)
    assert len(rows_of(engine, sync_runs)) == before


def test_a_run_that_is_tried_again_may_have_used_its_code(
    run: TaskRun, engine: Engine, simulator: SimulatorProcess
) -> None:
    run.execute("KoboOperator")
    simulator.control.delete(simulator.control.ids()[:30])
    with pytest.raises(DeletesWaitError):
        run.execute("KoboOperator", mode="exact")
    (row,) = rows_of(engine, codes)
    for _ in range(2):
        run.execute("KoboOperator", mode="exact", confirm_deletes=row["code"])
    assert len(ages(engine)) == 270


def test_an_empty_plan_is_an_empty_pull(run: TaskRun, engine: Engine) -> None:
    run_handle = run.execute("KoboPrepareOperator")
    (arguments,) = run.execute("KoboPlanOperator", run_handle=run_handle)
    run.execute("KoboPullOperator", run_handle=run_handle, **arguments)
    assert run.execute("KoboPlanOperator", run_handle=run_handle) == [{"lanes": [], "in_flight": 4}]
    run.execute("KoboPullOperator", run_handle=run_handle, lanes=[])


def test_the_registration_is_done_once(run: TaskRun, kobo: Connect, engine: Engine) -> None:
    kobo(webhook_endpoint="http://127.0.0.1:9/api/real-time-updates", webhook_secret="a secret")
    assert "added a REST Service" in run.execute("KoboRegisterOperator")
    assert "nothing to do" in run.execute("KoboRegisterOperator")


def test_a_registration_that_is_not_permitted_is_skipped_with_its_reason(
    run: TaskRun, kobo: Connect, engine: Engine
) -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    viewer = "5eed0000demo0000may0only0view00000000000"
    kobo(token=viewer, webhook_endpoint="http://127.0.0.1:9/api/real-time-updates", webhook_secret="s")
    with pytest.raises(AirflowSkipException, match="not permitted") as skipped:
        run.execute("KoboRegisterOperator")
    assert run.left == {"kobo_mirror_skipped": str(skipped.value)}


def test_an_error_is_left_in_xcoms_and_names_the_connection(
    run: TaskRun, kobo: Connect, engine: Engine
) -> None:
    kobo(token="a-token-that-no-account-has")
    with pytest.raises(CredentialsError) as error:
        run.execute("KoboPrepareOperator")
    assert str(error.value).startswith("'API token' was refused by ")
    assert str(error.value).endswith("The field 'API token' is in Admin → Connections → kobo_default.")
    assert run.left == {
        "kobo_mirror_error": str(error.value),
        "kobo_mirror_failure": type(error.value).__name__,
    }


@pytest.mark.parametrize("step", ["Plan", "Pull", "Reconcile", "Publish"])
def test_a_step_whose_prepare_left_no_run_handle_says_so(run: TaskRun, engine: Engine, step: str) -> None:
    with pytest.raises(ConfigurationError, match=f"Kobo{step}Operator needs the run handle"):
        run.execute(f"Kobo{step}Operator", run_handle=None)
