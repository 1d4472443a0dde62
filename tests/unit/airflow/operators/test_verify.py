from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from kobo_mirror.store.tables import proofs
from simulator.process import SimulatorProcess
from tests.support.tables import ages, rows_of
from tests.support.task_runs import TaskRun


def test_a_difference_fails_the_proof_for_good_and_names_the_submission(
    run: TaskRun, engine: Engine, simulator: SimulatorProcess
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    run.execute("KoboOperator")
    wrong = simulator.control.ids()[7]
    right = ages(engine)[wrong]
    with engine.begin() as connection:
        connection.execute(text("UPDATE kobo_records SET age = 1 WHERE kobo_id = :id"), {"id": wrong})
    with pytest.raises(AirflowFailException, match=rf"1 differences \(1 different\).*\[{wrong}\]"):
        run.execute("KoboVerifyOperator", full="False", repair="False")
    assert ages(engine)[wrong] == 1
    assert "0 differences" in run.execute("KoboVerifyOperator", full="True", repair="True")
    assert ages(engine)[wrong] == right


def proofs_of(engine: Engine) -> list[bool]:
    """Whether each proof compared every answer, the oldest first."""
    return [row["whole"] for row in rows_of(engine, proofs)]


def test_a_proof_is_full_when_due_and_only_where_that_is_asked_for(run: TaskRun, engine: Engine) -> None:
    run.execute("KoboOperator")
    run.execute("KoboVerifyOperator", full_when_due="False")
    run.execute("KoboVerifyOperator", full_when_due="True")
    run.execute("KoboVerifyOperator", full_when_due="True")
    run.execute("KoboVerifyOperator", full="True", full_when_due="False")
    assert proofs_of(engine) == [False, True, False, True]


def test_zero_days_mean_that_no_proof_is_full_by_itself(
    run: TaskRun, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOBO_VERIFY_FULL_EVERY_DAYS", "0")
    run.execute("KoboOperator")
    run.execute("KoboVerifyOperator", full_when_due="True")
    assert proofs_of(engine) == [False]
