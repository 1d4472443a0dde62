"""The webhook under gunicorn, over HTTP: limits, senders that misbehave, processes that end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, insert

from kobo_mirror.store.tables import submissions
from tests.webhook.application import Tables
from tests.webhook.bodies import ASSET, PATH, SECRET, body
from tests.webhook.service import HEADERS, Service, running_service, wait_for
from webhook.resources import MAX_BODY

ON_ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def service(migrated: str, tmp_path: Path) -> Iterator[Service]:
    with running_service(migrated, tmp_path) as service:
        yield service


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    ("kind", "size", "status"),
    [("application/json", 3 * MAX_BODY, b" 413 "), ("text/xml", MAX_BODY, b" 415 ")],
)
def test_a_sender_that_is_refused_while_it_writes_is_told_why(
    service: Service, kind: str, size: int, status: bytes
) -> None:
    """A connection that is closed under it would say nothing."""
    head = f"POST {PATH}?token={SECRET} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {kind}\r\n"
    with service.connect() as sender:
        sender.sendall(f"{head}Content-Length: {size}\r\n\r\n".encode())
        for _ in range(size // MAX_BODY):
            sender.sendall(b" " * MAX_BODY)
        assert status in sender.recv(4096)


@ON_ONE_DATABASE
def test_a_delivery_arrives_and_the_log_has_no_secret(service: Service, tables: Tables) -> None:
    json = {"Content-Type": "application/json"}
    assert service.request("POST", f"{PATH}?token={SECRET}", body=body(1), headers=json)[0] == 200
    with service.connect() as broken:
        broken.sendall(f"POST {PATH}?token={SECRET}\r\n\r\n".encode())
        assert b" 400 " in broken.recv(4096)
    assert tables.count()["records"] == 1
    assert '"kobo_id":1,' in service.log()
    assert "token=***" in service.log()
    assert SECRET not in service.log()


@ON_ONE_DATABASE
def test_a_body_of_6_mib_and_one_in_chunks_are_refused_and_the_service_goes_on(
    service: Service, tables: Tables
) -> None:
    assert service.post(b" " * (MAX_BODY + 1024 * 1024))[0] == 413
    chunked = HEADERS | {"Transfer-Encoding": "chunked"}
    sent = service.request("POST", PATH, body=iter([body(2)]), headers=chunked, encode_chunked=True)
    assert sent[0] == 411
    assert service.post(body(1))[0] == 200
    assert tables.count() == {"records": 1, "ledger": 1, "to_fetch": 0, "dead": 0}


@contextmanager
def locked(engine: Engine) -> Iterator[None]:
    """Another connection is writing submission 1 and has not committed."""
    row = {"asset_uid": ASSET, "kobo_id": 1, "state": "applied", "first_seen_at": func.now()}
    with engine.connect() as connection, connection.begin() as transaction:
        connection.execute(insert(submissions).values(row))
        yield
        transaction.rollback()


@pytest.mark.long
def test_a_submission_that_stays_locked_is_a_503_within_five_seconds(
    service: Service, engine: Engine, tables: Tables
) -> None:
    with locked(engine):
        started = time.monotonic()
        assert service.post(body(1))[0] == 503
        assert time.monotonic() - started < 5
    assert service.post(body(1))[1]["result"] == "inserted"
    assert tables.count()["records"] == 1


def test_deliveries_that_wait_for_a_lock_delay_no_other(
    service: Service, engine: Engine, tables: Tables
) -> None:
    with ThreadPoolExecutor(8) as pool:
        with locked(engine):
            waiting = [pool.submit(service.post, body(1)) for _ in range(8)]
            time.sleep(0.3)
            for _ in range(20):
                started = time.monotonic()
                assert service.get("/health/live") == 200
                assert time.monotonic() - started < 0.3
            assert not any(answer.done() for answer in waiting)
        assert {answer.result()[0] for answer in waiting} <= {200, 503}
    assert service.post(body(1))[0] == 200
    assert tables.count()["records"] == 1


def test_sigterm_finishes_what_was_accepted(service: Service, engine: Engine, tables: Tables) -> None:
    with ThreadPoolExecutor() as pool:
        with locked(engine):
            answer = pool.submit(service.post, body(1))
            time.sleep(0.3)
            service.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            assert not answer.done()
        assert answer.result()[0] == 200
    assert service.process.wait(timeout=30) == 0
    assert tables.count()["records"] == 1


def test_workers_killed_under_load_lose_nothing_that_was_acknowledged(
    service: Service, tables: Tables
) -> None:
    def deliver(kobo_id: int) -> str:
        """As KoboToolbox would, but without its patience: again after each failure."""
        for _ in range(100):
            try:
                status, answer, _ = service.post(body(kobo_id))
            except (OSError, HTTPException):
                time.sleep(0.05)
                continue
            assert status in (200, 503)
            if status == 200:
                return str(answer["result"])
        raise AssertionError("never acknowledged")

    before = service.workers()
    with ThreadPoolExecutor(max_workers=8) as senders:
        answers = [senders.submit(deliver, kobo_id) for kobo_id in range(1, 401)]
        for pid in before:
            wait_for(lambda: sum(answer.done() for answer in answers) > 50, 30)
            os.kill(pid, signal.SIGKILL)
        results = {answer.result() for answer in answers}
    assert results <= {"inserted", "unchanged"}
    assert tables.cells("kobo_id") == list(range(1, 401))
    assert tables.count()["ledger"] == 400
    wait_for(lambda: len(service.workers()) == 4, 10)


@ON_ONE_DATABASE
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_service_that_is_stopped_leaves_no_file_behind(migrated: str, tmp_path: Path, how: int) -> None:
    temporary = tmp_path / "tmp"
    with running_service(migrated, tmp_path) as service:
        assert service.post(body(1))[0] == 200
        assert [path.name[:16] for path in temporary.iterdir()] == ["webhook-metrics-"]
        service.process.send_signal(how)
        service.process.wait(40)
    assert list(temporary.iterdir()) == []
