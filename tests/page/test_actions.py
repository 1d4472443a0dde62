from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from kobo_mirror.errors import DeletesWaitError
from kobo_mirror.forms.kobo_records import KOBO_RECORDS
from kobo_mirror.kobo.client import KoboClient
from kobo_mirror.store import dead_letters
from kobo_mirror.store.leases import take_lease
from kobo_mirror.sync.mirror import MirrorSync
from simulator.options import DEMO_ASSET, DEMO_TOKEN
from tests.support.submissions import body, submission
from tests.support.tables import records

Client = Callable[[str | None], TestClient]


def run_of(dag_run: dict[str, Any]) -> Any:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        return session.scalars(select(DagRun).where(DagRun.run_id == dag_run["run_id"])).one()


def sync(simulator: Any, engine: Engine) -> None:
    with KoboClient(simulator.url, DEMO_TOKEN, DEMO_ASSET) as client:
        MirrorSync(client, engine, form=KOBO_RECORDS, server=simulator.url).run()


@pytest.mark.parametrize(
    ("action", "order", "dag_id", "conf"),
    [
        ("sync", {}, "kobo_sync", {"mode": "auto"}),
        ("sync", {"mode": "exact", "since_id": 0}, "kobo_sync", {"mode": "exact", "since_id": 0}),
        ("verify", {}, "kobo_verify", {"full": False, "repair": False}),
        ("verify", {"repair": True}, "kobo_verify", {"full": False, "repair": True}),
    ],
)
def test_a_button_starts_the_run_of_a_dag_in_the_name_of_whoever_pressed_it(  # noqa: PLR0917
    as_user: Client, engine: Engine, action: str, order: dict[str, Any], dag_id: str, conf: dict[str, Any]
) -> None:
    answer = as_user("una").post(f"api/actions/{action}", json=order)
    assert answer.status_code == 200, answer.text
    run = run_of(answer.json())
    assert (run.dag_id, run.conf, run.state, run.triggering_user_name) == (dag_id, conf, "queued", "una")
    assert answer.json()["href"] == f"dags/{dag_id}/runs/{run.run_id}"


@pytest.mark.parametrize(
    ("action", "order"),
    [
        ("sync", {"mode": "everything"}),
        ("sync", {"since_id": -1}),
        ("sync", {"confirm_deletes": "0123456789ab"}),
        ("confirm-deletes", {"mark": "all"}),
        ("confirm-deletes", {}),
        ("replay", {"rejections": list(range(501))}),
        ("replay", {"rejections": ["1; DROP TABLE"]}),
    ],
)
def test_an_order_that_is_none_is_refused(
    as_user: Client, engine: Engine, action: str, order: dict[str, Any]
) -> None:
    assert as_user("ada").post(f"api/actions/{action}", json=order).status_code == 422


def test_a_stopped_mass_delete_is_shown_and_confirmed_by_its_mark_alone(
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
    assert waiting["mark"] in waiting["sentence"]
    assert f"{waiting['mark']}" in client.get("").text
    assert client.post("api/actions/confirm-deletes", json={"mark": "0" * 12}).status_code == 409
    answer = client.post("api/actions/confirm-deletes", json={"mark": waiting["mark"]})
    assert run_of(answer.json()).conf == {"confirm_deletes": waiting["mark"]}


def test_a_rejection_that_was_mended_is_replayed(as_user: Client, simulated: tuple[Any, Engine]) -> None:
    simulator, engine = simulated
    mended, left = simulator.control.create(2, cd_age="forty")
    sync(simulator, engine)
    simulator.control.edit(mended, cd_age=40)
    answer = as_user("una").post("api/actions/replay", json={"rejections": [mended, left]})
    assert answer.status_code == 200, answer.text
    assert [(fate["id"], fate["result"]) for fate in answer.json()] == [
        (mended, "mended"),
        (left, "rejected"),
    ]
    assert records(engine)[mended]["age"] == 40
    assert left not in records(engine)


def test_a_dead_letter_is_replayed_once(as_user: Client, simulated: tuple[Any, Engine]) -> None:
    simulator, engine = simulated
    sync(simulator, engine)
    good = dead_letters.keep(
        engine, body=body(submission(9_999_999, _xform_id_string=DEMO_ASSET)), source="t", reason="r"
    )
    bad = dead_letters.keep(engine, body=b"{", source="t", reason="r")
    client = as_user("una")
    fates = client.post("api/actions/replay", json={"dead_letters": [good, bad]}).json()
    assert [(fate["id"], fate["result"]) for fate in fates] == [(good, "inserted"), (bad, "refused")]
    assert [letter["id"] for letter in client.get("api/dead-letters").json()] == [bad]


def test_while_a_sync_holds_the_form_a_replay_says_so(as_user: Client, simulated: tuple[Any, Engine]) -> None:
    simulator, engine = simulated
    (rejected,) = simulator.control.create(1, cd_age="forty")
    sync(simulator, engine)
    take_lease(engine, DEMO_ASSET, "kobo_sync scheduled__1")
    answer = as_user("una").post("api/actions/replay", json={"rejections": [rejected]})
    assert answer.status_code == 409
    assert "holds this form" in answer.json()["detail"]


@pytest.mark.parametrize("connection", ["kobo_default", "kobo_database"])
def test_a_replay_without_its_connections_says_which_one_is_missing(
    as_user: Client, engine: Engine, monkeypatch: pytest.MonkeyPatch, connection: str
) -> None:
    monkeypatch.delenv(f"AIRFLOW_CONN_{connection.upper()}")
    answer = as_user("una").post("api/actions/replay", json={"rejections": [1]})
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        f"There is no connection {connection}: add it in Admin → Connections.",
    )


@pytest.mark.parametrize("order", [{"rejections": [2**63]}, {"dead_letters": [-1]}])
def test_ids_that_no_database_holds_are_refused(
    as_user: Client, engine: Engine, order: dict[str, Any]
) -> None:
    assert as_user("una").post("api/actions/replay", json=order).status_code == 422
