"""Runs that cannot do their work: tables that are missing, a connection that lacks something."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from kobo_mirror.airflow.connection_fields import naming_connection
from tests.dags.test_sync import ON_SQLITE, count, last_run
from tests.support.dag_runs import Airflow


def drop_the_form_table(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE kobo_records"))


def test_a_form_table_that_was_dropped_is_made_and_filled_by_the_next_sync(
    airflow: Airflow, engine: Engine
) -> None:
    airflow.run("kobo_sync")
    drop_the_form_table(engine)
    assert str(airflow.run("kobo_sync").state) == "success"
    assert count(engine) == 300
    assert str(airflow.run("kobo_verify", full=True).state) == "success"


@ON_SQLITE
@pytest.mark.parametrize("dag_id", ["kobo_verify", "kobo_replay"])
def test_the_other_dags_say_which_table_is_missing_and_what_makes_it(
    airflow: Airflow, engine: Engine, dag_id: str
) -> None:
    airflow.run("kobo_sync")
    drop_the_form_table(engine)
    failed = airflow.run(dag_id)
    assert str(failed.state) == "failed"
    assert "(missing: kobo_records): start a sync, it makes them" in airflow.note(failed)
    assert "`docker compose run --rm airflow-init`" in airflow.note(failed)
    assert airflow.states(failed) == {"forms": "success", dag_id.removeprefix("kobo_"): "failed"}


@ON_SQLITE
@pytest.mark.parametrize(
    ("changes", "failure"),
    [
        ({"KOBO_TOKEN": "not-the-token-of-anybody-000000000000000"}, "CredentialsError"),
        pytest.param({"KOBO_TOKEN": ""}, "ConfigurationError", marks=pytest.mark.long),
        pytest.param({"KOBO_ASSET_ID": ""}, "ConfigurationError", marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize(("dag_id", "mode"), [("kobo_sync", "none"), ("kobo_verify", "verify")])
def test_a_run_that_fails_before_it_begins_is_noted_with_its_errors_class(  # noqa: PLR0917
    airflow: Airflow, engine: Engine, changes: dict[str, str], failure: str, dag_id: str, mode: str
) -> None:
    airflow.run("kobo_sync")
    airflow.connect(**changes)
    run = airflow.run(dag_id)
    assert str(run.state) == "failed"
    noted = last_run(engine)
    assert (noted.name, noted.mode, noted.failure) == (f"{dag_id} {run.run_id}", mode, failure)
    assert naming_connection(noted.error, "kobo_default") in airflow.note(run)
