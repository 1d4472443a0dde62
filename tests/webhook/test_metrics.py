"""What /metrics shows, of one process and of all of them together."""

from __future__ import annotations

import os
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from falcon import testing
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, text

from kobo_mirror.database.engine import open_engine
from kobo_mirror.store import dead_letters
from kobo_mirror.store.proofs import note_proof
from tests.webhook.application import client_of, post
from tests.webhook.bodies import ASSET, body
from tests.webhook.service import Service, running_service, wait_for


def samples(text: str) -> dict[str, float]:
    """Every sample by its name and the values of its labels."""
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def metrics(client: testing.TestClient) -> dict[str, float]:
    result = client.simulate_get("/metrics")
    assert result.status_code == 200
    return samples(result.text)


def test_deliveries_are_counted_by_what_became_of_them(client: testing.TestClient) -> None:
    before = metrics(client)
    assert before["kobo_webhook_deliveries_total inserted"] == 0
    assert "kobo_webhook_seconds_since_last_delivery" not in before
    arrived = datetime.now(UTC).replace(microsecond=0, tzinfo=None).isoformat()
    for sent in (body(1, _submission_time=arrived), body(1), body(2, **{"sec_c/cd_age": "x"}), b"[]"):
        post(client, sent)
    post(client, body(3), headers={"X-Webhook-Secret": "wrong"})
    post(client, body(3), headers={"Content-Type": "text/xml"})
    client.simulate_get("/health/live")
    seen = metrics(client)
    counted = {
        name.removeprefix("kobo_webhook_deliveries_total "): value
        for name, value in seen.items()
        if name.startswith("kobo_webhook_deliveries_total ") and value
    }
    assert counted == {
        "inserted": 1, "deferred": 1, "rejected": 1, "dead_letter": 1, "unauthorized": 1, "refused": 1,
    }  # fmt: skip
    assert seen["kobo_webhook_answer_seconds_count"] == 6
    assert 0 < seen["kobo_webhook_answer_seconds_sum"] < 10
    assert seen["kobo_webhook_lag_seconds_count"] == 1
    assert 0 <= seen["kobo_webhook_lag_seconds_sum"] < 10
    assert 0 <= seen["kobo_webhook_seconds_since_last_delivery"] < 10
    assert abs(seen["kobo_webhook_last_delivery_timestamp_seconds"] - time.time()) < 10


@pytest.mark.parametrize(("hours", "late"), [(0.9, 0), (1.1, 1), (96, 1)])
def test_a_delivery_that_was_tried_again_days_later_is_no_lag(
    client: testing.TestClient, hours: float, late: int
) -> None:
    sent = (datetime.now(UTC) - timedelta(hours=hours)).replace(microsecond=0, tzinfo=None)
    post(client, body(1, _submission_time=sent.isoformat()))
    seen = metrics(client)
    assert seen["kobo_webhook_late_submissions_total"] == late
    assert seen["kobo_webhook_lag_seconds_count"] == 1 - late
    assert seen["kobo_webhook_lag_seconds_sum"] <= 3600


def test_tables_that_are_missing_are_counted_as_the_schema(
    engine: Engine, client: testing.TestClient
) -> None:
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE kobo_records"))
    assert post(client, body(1)).status_code == 503
    assert metrics(client)["kobo_webhook_database_errors_total SchemaError"] == 1


def test_the_database_tells_of_the_mirror(engine: Engine, client: testing.TestClient) -> None:
    dead_letters.keep(engine, body=b"[]", source="test", reason="made up")
    found = {"compared": 9, "missing": 1, "extra": 2, "stale": 0, "different": 3, "rejected": 4}
    note_proof(engine, ASSET, started_at=datetime(2026, 1, 1), whole=True, found=found)  # noqa: DTZ001  # UTC
    post(client, body(2, **{"sec_c/cd_age": "x"}))
    seen = metrics(client)
    assert seen["kobo_webhook_database_up"] == 1
    assert seen["kobo_mirror_dead_letters_waiting kobo_records"] == 1
    assert seen["kobo_mirror_to_fetch kobo_records"] == 0
    assert seen["kobo_mirror_last_proof_differences kobo_records"] == 6
    assert seen["kobo_mirror_tables kobo_records"] == 1
    assert seen["kobo_mirror_rejected_cells kobo_records"] == 0
    assert seen["kobo_mirror_rejections kobo_records"] == 1  # now, not when it was proven
    assert abs(seen["kobo_mirror_last_proof_timestamp_seconds kobo_records"] - time.time()) < 60


def test_without_a_database_the_rest_is_still_told() -> None:
    client = client_of(open_engine("mysql+pymysql://kobo:made-up-password@127.0.0.1:9/kobo", patience=1))
    assert post(client, body(1)).status_code == 503
    seen = metrics(client)
    assert seen["kobo_webhook_database_up"] == 0
    assert seen["kobo_webhook_deliveries_total unavailable"] == 1
    assert seen["kobo_webhook_database_errors_total DatabaseError"] == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_all_workers_count_together_also_those_that_are_gone(migrated: str, tmp_path: Path) -> None:
    def counted(service: Service) -> Any:
        connection = service.connect()
        with connection, connection.makefile("rb") as answer:
            connection.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            text = answer.read().partition(b"\r\n\r\n")[2].decode()
        return samples(text)["kobo_webhook_deliveries_total inserted"]

    with running_service(migrated, tmp_path) as service:
        for kobo_id in range(1, 31):
            assert service.post(body(kobo_id))[0] == 200
        assert {counted(service) for _ in range(8)} == {30}
        for pid in service.workers():
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: len(service.workers()) == 4 and service.get("/health/live") == 200, 10)
        for kobo_id in range(31, 41):
            wait_for(lambda kobo_id=kobo_id: service.post(body(kobo_id))[0] == 200, 5)
        assert {counted(service) for _ in range(8)} == {40}
