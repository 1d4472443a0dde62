"""What is pressed on a form's page is about that form, or is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from kobo_mirror.database.engine import transact
from kobo_mirror.forms.plan import Plan
from kobo_mirror.store.codes import code_for
from kobo_mirror.store.plans import note_open
from tests.page.test_actions import run_of
from tests.page.test_plans import MOVE
from tests.support.many_forms import add_forms, key_of, table_of
from tests.support.submissions import ASSET

Client = Callable[[str | None], TestClient]
ORDERS: dict[str, dict[str, Any]] = {
    "sync": {"mode": "exact"},
    "verify": {"repair": True},
    "replay": {"rejections": [3]},
}


@pytest.fixture
def several(engine: Engine) -> Engine:
    add_forms(engine, 2)
    return engine


@pytest.fixture
def dags_for_all(airflow_app: Any) -> Iterator[None]:
    """DAGs that take ``forms``, and one of the second form alone, as if they were in dags/."""
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.models.dag import DagModel
    from airflow.sdk import DAG, Param
    from airflow.utils.session import create_session
    from sqlalchemy import update

    from tests.support import airflow_environment

    def made(dag_id: str, *names: str) -> DAG:
        return DAG(dag_id, schedule=None, params={name: Param(None) for name in names})

    bag = DagBag(str(airflow_environment.ROOT / "dags"))
    before = dict(bag.dags)
    sync = ("mode", "since_id", "confirm_deletes", "apply_plan", "decline_plan", "schema")
    further = [
        made("kobo_sync_all", "forms", *sync),
        made(f"kobo_sync__{key_of(2)}", *sync),
        made("kobo_verify", "forms", "full", "repair"),
        made("kobo_replay", "forms", "rejections", "dead_letters"),
    ]
    for dag in further:
        dag.fileloc = before["kobo_sync"].fileloc
        bag.dags[dag.dag_id] = dag
    sync_bag_to_db(bag, "dags-folder", None)
    yield
    bag.dags = before
    sync_bag_to_db(bag, "dags-folder", None)
    gone = update(DagModel).where(DagModel.dag_id.in_([dag.dag_id for dag in further[:2]]))
    with create_session() as session:
        session.execute(gone.values(is_stale=True))


def test_a_run_for_another_form_names_it(as_user: Client, several: Engine, dags_for_all: None) -> None:
    client = as_user("una")
    wanted = {"sync": "kobo_sync_all", "verify": "kobo_verify", "replay": "kobo_replay"}
    for action, order in ORDERS.items():
        answer = client.post(f"api/actions/{action}", json={"asset_uid": key_of(1), **order})
        assert answer.status_code == 200, answer.text
        run = run_of(answer.json())
        assert run.dag_id == wanted[action]
        assert run.conf["forms"] == [table_of(1)]
        assert order.items() <= run.conf.items()


def test_a_form_with_a_dag_of_its_own_is_synced_by_it(
    as_user: Client, several: Engine, dags_for_all: None
) -> None:
    answer = as_user("una").post("api/actions/sync", json={"asset_uid": key_of(2)})
    assert run_of(answer.json()).dag_id == f"kobo_sync__{key_of(2)}"
    assert run_of(answer.json()).conf == {"mode": "auto"}


def test_the_form_of_the_connection_is_synced_as_ever(as_user: Client, several: Engine) -> None:
    answer = as_user("una").post("api/actions/sync", json={"asset_uid": ASSET})
    run = run_of(answer.json())
    assert (run.dag_id, run.conf) == ("kobo_sync", {"mode": "auto"})


def test_without_the_dag_of_all_forms_no_sync_is_started(as_user: Client, several: Engine) -> None:
    """Such a run would be about the form of the connection."""
    answer = as_user("una").post("api/actions/sync", json={"asset_uid": key_of(1), **ORDERS["sync"]})
    assert answer.status_code == 404, answer.text


def test_codes_lead_to_their_form(as_user: Client, several: Engine, dags_for_all: None) -> None:
    client = as_user("una")
    code = transact(several, lambda connection: code_for(connection, key_of(1), [1, 2]))
    run = run_of(client.post("api/actions/confirm-deletes", json={"code": code}).json())
    assert (run.dag_id, run.conf) == ("kobo_sync_all", {"confirm_deletes": code, "forms": [table_of(1)]})
    plan = transact(several, lambda c: note_open(c, key_of(2), Plan((MOVE,), ()), "review"))
    run = run_of(client.post("api/actions/apply-plan", json={"code": plan.code}).json())
    assert run.dag_id == f"kobo_sync__{key_of(2)}"
    assert run.conf == {"apply_plan": plan.code, "schema": "review"}


@pytest.mark.parametrize("asset_uid", ["aNoSuchForm", key_of(9)])
def test_a_form_that_is_not_here_is_refused(as_user: Client, several: Engine, asset_uid: str) -> None:
    answer = as_user("una").post("api/actions/sync", json={"asset_uid": asset_uid})
    assert answer.status_code == 409


def test_the_buttons_of_a_page_name_its_form(as_user: Client, several: Engine) -> None:
    html = as_user("ada").get("", params={"asset_uid": key_of(1)}).text
    assert html.count(f"{{&#34;asset_uid&#34;: &#34;{key_of(1)}&#34;") == 3
