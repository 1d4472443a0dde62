from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from kobo_mirror.errors import DeletesWaitError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.kobo.form import open_form
from kobo_mirror.store import dead_letters
from kobo_mirror.store.leases import take_lease
from kobo_mirror.sync.mirror import MirrorSync
from simulator.options import DEMO_ASSET, DEMO_TOKEN
from tests.support.tables import records

Client = Callable[[str | None], TestClient]


def run_of(dag_run: dict[str, Any]) -> Any:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        return session.scalars(select(DagRun).where(DagRun.run_id == dag_run["run_id"])).one()


def sync(simulator: Any, engine: Engine) -> None:
    with open_form(simulator.url, DEMO_TOKEN, DEMO_ASSET) as client:
        MirrorSync(client, engine, form=KOBO_RECORDS, server=simulator.url).run()


@pytest.mark.parametrize(
    ("action", "order", "dag_id", "conf"),
    [
        ("sync", {}, "kobo_sync", {"mode": "auto"}),
        ("sync", {"mode": "exact", "since_id": 0}, "kobo_sync", {"mode": "exact", "since_id": 0}),
        ("sync", {"mode": "usual"}, "kobo_sync", {"mode": "incremental"}),  # its name up to 0.1
        ("verify", {}, "kobo_verify", {"full": False, "repair": False}),
        ("verify", {"repair": True}, "kobo_verify", {"full": False, "repair": True}),
        ("replay", {"rejections": [3, 1]}, "kobo_replay", {"rejections": [3, 1], "dead_letters": []}),
        ("replay", {"dead_letters": [7]}, "kobo_replay", {"rejections": [], "dead_letters": [7]}),
    ],
)
def test_a_button_starts_a_dag_run_in_the_name_of_its_user(  # noqa: PLR0917
    as_user: Client, engine: Engine, action: str, order: dict[str, Any], dag_id: str, conf: dict[str, Any]
) -> None:
    answer = as_user("una").post(f"api/actions/{action}", json=order)
    assert answer.status_code == 200, answer.text
    run = run_of(answer.json())
    assert (run.dag_id, run.conf, run.state, run.triggering_user_name) == (dag_id, conf, "queued", "una")
    assert answer.json()["href"] == f"dags/{dag_id}/runs/{quote(run.run_id)}"


@pytest.mark.parametrize(
    ("action", "order"),
    [
        ("sync", {"mode": "everything"}),
        ("sync", {"since_id": -1}),
        ("sync", {"confirm_deletes": "0123456789ab"}),
        ("confirm-deletes", {"code": "all"}),
        ("confirm-deletes", {}),
        ("apply-plan", {"code": "all"}),
        ("decline-plan", {}),
        ("replay", {}),
        ("replay", {"rejections": [], "dead_letters": []}),
        ("replay", {"rejections": list(range(501))}),
        ("replay", {"rejections": ["1; DROP TABLE"]}),
    ],
)
def test_a_malformed_action_is_refused(
    as_user: Client, engine: Engine, action: str, order: dict[str, Any]
) -> None:
    assert as_user("ada").post(f"api/actions/{action}", json=order).status_code == 422


def test_a_stopped_mass_delete_is_shown_and_confirmed_by_its_code_alone(
    as_user: Client, simulated: tuple[Any, Engine]
) -> None:
    simulator, engine = simulated
    sync(simulator, engine)
    gone = simulator.control.ids()[::4]
    simulator.control.delete(gone)
    with pytest.raises(DeletesWaitError):
        sync(simulator, engine)
    client = as_user("una")
    waiting = client.get(f"api/forms/{DEMO_ASSET}").json()["waiting_deletes"]
    assert waiting["ids"] == gone
    assert f"{waiting['code']}" in client.get("").text
    assert client.post("api/actions/confirm-deletes", json={"code": "0" * 12}).status_code == 409
    answer = client.post("api/actions/confirm-deletes", json={"code": waiting["code"]})
    assert run_of(answer.json()).conf == {"confirm_deletes": waiting["code"]}


def test_a_replay_in_the_page_touches_neither_the_form_nor_the_database(
    as_user: Client, simulated: tuple[Any, Engine]
) -> None:
    simulator, engine = simulated
    (mended,) = simulator.control.create(1, cd_age="forty")
    sync(simulator, engine)
    simulator.control.edit(mended, cd_age=40)
    letter = dead_letters.keep(engine, body=b"{", source="t", reason="r")
    take_lease(engine, DEMO_ASSET, "kobo_sync scheduled__1")
    simulator.control.clear_requests()
    answer = as_user("una").post(
        "api/actions/replay", json={"rejections": [mended], "dead_letters": [letter]}
    )
    assert answer.status_code == 200, answer.text
    assert run_of(answer.json()).state == "queued"
    assert simulator.control.requests() == []
    assert mended not in records(engine)
    assert [row["attempts"] for row in as_user("una").get("api/dead-letters").json()] == [0]


@pytest.mark.parametrize("order", [{"rejections": [2**63]}, {"dead_letters": [-1]}])
def test_ids_that_no_database_holds_are_refused(
    as_user: Client, engine: Engine, order: dict[str, Any]
) -> None:
    assert as_user("una").post("api/actions/replay", json=order).status_code == 422
