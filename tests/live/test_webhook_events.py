"""The webhook tells a real Airflow that submissions arrived."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.schema import migrate
from tests.webhook.application import MIRROR
from tests.webhook.bodies import body
from tests.webhook.service import running_service

EVERY = 3


def told(airflow: Any) -> list[Any]:
    found = airflow.get("/api/v2/assets/events", limit=100)["asset_events"]
    return [event for event in found if event["extra"].get("source") == "webhook"]


@pytest.mark.long
def test_many_pushes_to_two_processes_are_few_events(airflow: Any, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'pushed.sqlite'}"
    engine = open_engine(url)
    migrate(engine, KOBO_RECORDS)
    bind(engine, MIRROR)
    engine.dispose()
    settings = {
        "WEBHOOK_AIRFLOW_URL": airflow.url,
        "WEBHOOK_AIRFLOW_LOGIN": f"webhook:{airflow.password}",
        "WEBHOOK_AIRFLOW_EVERY_SECONDS": str(EVERY),
    }
    started = time.monotonic()
    with running_service(url, tmp_path, **settings) as service:
        for number in range(1, 31):
            assert service.post(body(number))[0] == 200
        assert service.post(body(30))[1]["result"] == "unchanged"
        airflow.wait_for(lambda: sum(event["extra"]["pushed"] for event in told(airflow)) == 30, "the events")
        seconds = time.monotonic() - started
        assert airflow.password not in service.log()
    events = told(airflow)
    assert {event["uri"] for event in events} == {"kobo://mirror/kobo_records"}
    assert 1 <= len(events) <= 1 + seconds / EVERY
