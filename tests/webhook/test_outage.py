"""A database that is down at the start, goes away, hangs and comes back: 503s only, and no restart."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.schema import migrate
from tests.support.database_server import OwnServer, own_server
from tests.webhook.application import MIRROR, Tables
from tests.webhook.bodies import body
from tests.webhook.service import Service, running_service, wait_for


@pytest.fixture
def database() -> Iterator[OwnServer]:
    with own_server() as server:
        yield server


def assert_503_in_time(service: Service, kobo_id: int) -> None:
    started = time.monotonic()
    status, _, headers = service.post(body(kobo_id))
    assert status == 503
    assert time.monotonic() - started < 5
    assert int(headers["Retry-After"]) > 0
    assert service.get("/health/ready") == 503
    assert service.get("/health/live") == 200


@pytest.mark.long
def test_an_outage_of_the_database_needs_no_restart(database: OwnServer, tmp_path: Path) -> None:
    url = database.fresh_database()
    engine = open_engine(url)
    migrate(engine, KOBO_RECORDS)
    bind(engine, MIRROR)
    database.stop()
    with running_service(url, tmp_path) as service:
        assert_503_in_time(service, 1)
        database.start()
        assert service.get("/health/ready") == 200
        assert service.post(body(1))[1]["result"] == "inserted"

        database.kill()
        assert_503_in_time(service, 2)
        database.start()
        assert service.post(body(2))[1]["result"] == "inserted"

        os.kill(database.pid, signal.SIGSTOP)
        try:
            assert_503_in_time(service, 3)
        finally:
            os.kill(database.pid, signal.SIGCONT)
        wait_for(lambda: service.get("/health/ready") == 200, 10)
        assert service.post(body(3))[1]["result"] in ("inserted", "unchanged")
        assert len(service.workers()) == 2
    engine.dispose()
    assert Tables(engine).cells("kobo_id") == [1, 2, 3]
