from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, text

from kobo_mirror.database.engine import open_engine
from kobo_mirror.errors import (
    ConfigurationError,
    CredentialsError,
    DatabaseError,
    DeletesWaitError,
    KoboMirrorError,
    LeaseError,
    NotPermittedError,
    RequestError,
    SchemaError,
    ServerError,
)
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store import dead_letters
from kobo_mirror.store.leases import take_lease
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import codes, proofs, sync_runs
from kobo_mirror.store.tables import dead_letters as dead_letters_table
from simulator.process import SimulatorProcess
from tests.support import airflow_environment  # noqa: F401  # before anything of Airflow
from tests.support.submissions import body, submission
from tests.support.tables import rows_of

Connect = Callable[..., None]


@pytest.fixture
def engine(connect: Connect, kobo: Connect, database_url: str) -> Iterator[Engine]:
    """The migrated database that the connection ``kobo_database`` names."""
    connect("kobo_database", conn_type="generic", extra={"url": database_url})
    engine = open_engine(database_url)
    migrate(engine, KOBO_RECORDS)
    yield engine
    engine.dispose()


class Run:
    """What Airflow hands to a task, as far as ours look at it."""

    def __init__(self) -> None:
        self.left: dict[str, Any] = {}
        self.told: dict[Any, SimpleNamespace] = {}

    def execute(self, **parameters: Any) -> Any:
        from kobo_mirror.airflow.operators import KoboOperator

        task = KoboOperator(task_id="task", **parameters)
        self.told = {outlet: SimpleNamespace(extra={}) for outlet in task.outlets}
        context = {
            "dag": SimpleNamespace(dag_id="dag"),
            "run_id": "run",
            "ti": SimpleNamespace(xcom_push=self.left.__setitem__),
            "outlet_events": self.told,
        }
        return task.execute(context)  # type: ignore[arg-type]  # a part of a context


@pytest.fixture
def run() -> Run:
    return Run()


def ages(engine: Engine) -> dict[int, int]:
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT kobo_id, age FROM kobo_records"))
        return {row.kobo_id: row.age for row in rows}


def test_one_task_can_do_all_of_it(run: Run, engine: Engine, simulator: SimulatorProcess) -> None:
    from airflow.sdk import Asset

    records = Asset(name="records", uri="kobo://tests/records")
    counts = run.execute(outlets=[records])
    assert counts["inserted"] == 300
    assert run.told[records].extra == counts
    assert sorted(ages(engine)) == simulator.control.ids()


def test_the_steps_one_by_one_do_the_same(run: Run, engine: Engine, simulator: SimulatorProcess) -> None:
    run_handle = run.execute(step="prepare", mode="auto", since_id="None")
    for arguments in run.execute(step="plan", run_handle=run_handle, groups=2):
        run.execute(step="pull", run_handle=run_handle, page_size="100", **arguments)
    run.execute(step="reconcile", run_handle=run_handle, confirm_deletes="None")
    assert run.execute(step="publish", run_handle=run_handle)["inserted"] == 300
    assert sorted(ages(engine)) == simulator.control.ids()
    pages = [call for call in simulator.control.requests() if "limit=100&" in f"{call['query']}&"]
    assert len(pages) >= 3


@pytest.mark.parametrize("step", ["sync", "prepare"])
def test_a_code_that_confirms_no_list_fails_the_run_before_it_begins(
    run: Run, engine: Engine, simulator: SimulatorProcess, step: str
) -> None:
    run.execute()
    before = len(rows_of(engine, sync_runs))
    with pytest.raises(ConfigurationError, match="No list of deletes waits under the code"):
        run.execute(step=step, confirm_deletes="0" * 12)
    assert len(rows_of(engine, sync_runs)) == before


def test_a_run_that_is_tried_again_may_have_used_its_code(
    run: Run, engine: Engine, simulator: SimulatorProcess
) -> None:
    run.execute()
    simulator.control.delete(simulator.control.ids()[:30])
    with pytest.raises(DeletesWaitError):
        run.execute(mode="exact")
    (row,) = rows_of(engine, codes)
    for _ in range(2):
        run.execute(mode="exact", confirm_deletes=row["code"])
    assert len(ages(engine)) == 270


def test_a_plan_of_nothing_is_still_a_pull_of_nothing(run: Run, engine: Engine) -> None:
    run_handle = run.execute(step="prepare")
    (arguments,) = run.execute(step="plan", run_handle=run_handle)
    run.execute(step="pull", run_handle=run_handle, **arguments)
    assert run.execute(step="plan", run_handle=run_handle) == [{"lanes": [], "in_flight": 4}]
    run.execute(step="pull", run_handle=run_handle, lanes=[])


def test_the_registration_is_done_once(run: Run, kobo: Connect, engine: Engine) -> None:
    kobo(webhook_endpoint="http://127.0.0.1:9/api/real-time-updates", webhook_secret="a secret")
    assert "added a REST Service" in run.execute(step="register")
    assert "nothing to do" in run.execute(step="register")


def test_a_difference_fails_the_proof_for_good_and_names_the_submission(
    run: Run, engine: Engine, simulator: SimulatorProcess
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    run.execute()
    wrong = simulator.control.ids()[7]
    right = ages(engine)[wrong]
    with engine.begin() as connection:
        connection.execute(text("UPDATE kobo_records SET age = 1 WHERE kobo_id = :id"), {"id": wrong})
    with pytest.raises(AirflowFailException, match=rf"1 differences \(1 different\).*\[{wrong}\]"):
        run.execute(step="verify", full="False", repair="False")
    assert ages(engine)[wrong] == 1
    assert "0 differences" in run.execute(step="verify", full="True", repair="True")
    assert ages(engine)[wrong] == right


def test_a_registration_that_is_not_permitted_is_skipped_with_its_reason(
    run: Run, kobo: Connect, engine: Engine
) -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    viewer = "5eed0000demo0000may0only0view00000000000"
    kobo(token=viewer, webhook_endpoint="http://127.0.0.1:9/api/real-time-updates", webhook_secret="s")
    with pytest.raises(AirflowSkipException, match="not permitted") as skipped:
        run.execute(step="register")
    assert run.left == {"kobo_mirror_skipped": str(skipped.value)}


def proofs_of(engine: Engine) -> list[bool]:
    """Whether each proof compared every answer, the oldest first."""
    return [row["whole"] for row in rows_of(engine, proofs)]


def test_a_proof_is_full_when_due_and_only_where_that_is_asked_for(run: Run, engine: Engine) -> None:
    run.execute()
    run.execute(step="verify", full_when_due="False")
    run.execute(step="verify", full_when_due="True")
    run.execute(step="verify", full_when_due="True")
    run.execute(step="verify", full="True", full_when_due="False")
    assert proofs_of(engine) == [False, True, False, True]


def test_zero_days_mean_that_no_proof_is_full_by_itself(
    run: Run, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOBO_VERIFY_FULL_EVERY_DAYS", "0")
    run.execute()
    run.execute(step="verify", full_when_due="True")
    assert proofs_of(engine) == [False]


@pytest.mark.parametrize("ids", ["chosen", "all"])
def test_what_was_mended_is_replayed_and_the_rest_stays(
    run: Run, engine: Engine, simulator: SimulatorProcess, ids: str
) -> None:
    mended, left = simulator.control.create(2, cd_age="forty")
    run.execute()
    simulator.control.edit(mended, cd_age=40)
    taken = dead_letters.keep(
        engine, body=body(submission(9_999_999, _xform_id_string=simulator.asset)), source="t", reason="r"
    )
    refused = dead_letters.keep(engine, body=b"{", source="t", reason="r")
    chosen = {"rejections": f"[{mended}, {left}]", "dead_letters": f"[{taken}, {refused}]"}
    given = chosen if ids == "chosen" else {"rejections": "None", "dead_letters": "[]"}
    sentence = run.execute(step="replay", **given)
    assert sentence == (
        f"2 of 4 replayed: 1 mended ({mended}), 1 rejected ({left}: it does not fit the table), "
        f"1 inserted ({taken}), 1 refused ({refused}: no submission of this form)"
    )
    assert run.left == {"kobo_mirror_note": sentence}
    assert ages(engine)[mended] == 40
    assert 9_999_999 in ages(engine)
    assert left not in ages(engine)


@pytest.mark.parametrize("kind", ["rejections", "dead_letters"])
def test_a_replay_of_one_kind_leaves_the_other_alone(
    run: Run, engine: Engine, simulator: SimulatorProcess, kind: str
) -> None:
    (mended,) = simulator.control.create(1, cd_age="forty")
    run.execute()
    simulator.control.edit(mended, cd_age=40)
    letter = dead_letters.keep(
        engine, body=body(submission(9_999_999, _xform_id_string=simulator.asset)), source="t", reason="r"
    )
    run.execute(step="replay", **{kind: f"[{mended if kind == 'rejections' else letter}]"})
    assert (mended in ages(engine), 9_999_999 in ages(engine)) == (
        kind == "rejections",
        kind == "dead_letters",
    )


def test_a_replay_beside_a_sync_says_who_holds_the_form_and_has_taken_nothing(
    run: Run, engine: Engine, simulator: SimulatorProcess
) -> None:
    (rejected,) = simulator.control.create(1, cd_age="forty")
    run.execute()
    letter = dead_letters.keep(engine, body=b"{", source="t", reason="r")
    take_lease(engine, simulator.asset, "kobo_sync scheduled__1")
    with pytest.raises(LeaseError, match="kobo_sync scheduled__1 holds this form"):
        run.execute(step="replay", rejections=[rejected], dead_letters=[letter])
    assert [row["attempts"] for row in rows_of(engine, dead_letters_table)] == [0]


def test_a_replay_or_repair_tells_what_it_mended_though_deletes_wait(
    run: Run, engine: Engine, simulator: SimulatorProcess
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    (mended,) = simulator.control.create(1, cd_age="forty")
    run.execute()
    edited, *gone = simulator.control.ids()[:31]
    simulator.control.delete(gone)
    with pytest.raises(DeletesWaitError):
        run.execute(mode="exact")
    simulator.control.edit(mended, cd_age=40)
    sentence = run.execute(step="replay", rejections=[mended])
    assert sentence.startswith(f"1 replayed: 1 mended ({mended}). 30 of 301 submissions have gone")
    assert run.left["kobo_mirror_note"] == sentence
    simulator.control.edit(edited, cd_age=41)
    with pytest.raises(AirflowFailException, match=r"30 differences \(30 extra\)\. 30 of 301 submissions"):
        run.execute(step="verify", repair="True")
    assert (ages(engine)[mended], ages(engine)[edited], len(ages(engine))) == (40, 41, 301)


def test_an_error_is_left_for_whoever_ends_the_run(run: Run, kobo: Connect, engine: Engine) -> None:
    kobo(token="a-token-that-nobody-has")
    with pytest.raises(CredentialsError) as error:
        run.execute(step="prepare")
    assert run.left == {
        "kobo_mirror_error": str(error.value),
        "kobo_mirror_failure": type(error.value).__name__,
    }


@pytest.mark.parametrize("step", ["plan", "pull", "reconcile", "publish"])
def test_a_step_without_its_ticket_says_so(run: Run, engine: Engine, step: str) -> None:
    with pytest.raises(ConfigurationError, match=f"'{step}' needs the run handle"):
        run.execute(step=step)


def test_an_unknown_step_is_refused_when_the_dag_is_read() -> None:
    from kobo_mirror.airflow.operators import KoboOperator

    with pytest.raises(ValueError, match="must be one of: sync, prepare"):
        KoboOperator(task_id="task", step="everything")


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (ConfigurationError("…"), "fail"),
        (CredentialsError("…"), "fail"),
        (NotPermittedError("…"), "fail"),
        (RequestError("…"), "fail"),
        (SchemaError("…"), "fail"),
        (DeletesWaitError("…"), "fail"),
        (ServerError("…"), "retry"),
        (DatabaseError("…"), "retry"),
        (LeaseError("…"), "default"),
        (KoboMirrorError("…"), "default"),
        (OSError("…"), "default"),
    ],
)
def test_the_kind_of_error_decides_about_a_retry(error: Exception, action: str) -> None:
    from kobo_mirror.airflow.operators import RETRY_BY_ERROR

    assert RETRY_BY_ERROR.evaluate(error, try_number=1, max_tries=3).action.value == action


def test_the_policy_survives_serialization() -> None:
    from airflow.sdk import ExceptionRetryPolicy

    from kobo_mirror.airflow.operators import RETRY_BY_ERROR

    again = ExceptionRetryPolicy.deserialize(RETRY_BY_ERROR.serialize())
    assert again.evaluate(CredentialsError("…"), try_number=1, max_tries=3).action.value == "fail"


def test_every_templated_field_is_one() -> None:
    from kobo_mirror.airflow.operators import KoboOperator

    task = KoboOperator(task_id="task")
    assert all(hasattr(task, name) for name in KoboOperator.template_fields)
