"""Kills, outages, stops under load: what was acknowledged is in the tables, and a sync closes every gap."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import select

from kobo_mirror.config.settings import server_url
from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.kobo.form import open_form
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.mirrors import load_mirror
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import submissions
from kobo_mirror.sync.mirror import MirrorSync
from kobo_mirror.sync.register import register_webhook
from kobo_mirror.sync.verify import verify
from simulator.process import SimulatorProcess
from tests.support.database_server import OwnServer, own_server
from tests.support.tables import rows_in
from tests.webhook.application import MIRROR, Tables
from tests.webhook.bodies import PATH, SECRET, body
from tests.webhook.service import HEADERS, Service, running_service, wait_for

DELIVERIES = 2_000
SUCCESS = 2


@pytest.fixture
def database() -> Iterator[OwnServer]:
    with own_server() as server:
        yield server


@pytest.fixture
def url(database: OwnServer) -> str:
    url = database.fresh_database()
    engine = open_engine(url)
    migrate(engine)
    engine.dispose()
    return url


@pytest.fixture
def bound(url: str) -> str:
    """Return the address of a database with the table that deliveries of this form go to."""
    engine = open_engine(url)
    migrate(engine, KOBO_RECORDS)
    bind(engine, MIRROR)
    engine.dispose()
    return url


@pytest.fixture
def kobo() -> Iterator[SimulatorProcess]:
    """A server that tries again as KoboToolbox does, fifty times as fast."""
    with SimulatorProcess(rows=0, hook_time_scale=0.02) as running:
        yield running


def test_kills_of_worker_master_and_database_lose_nothing_that_was_acknowledged(
    kobo: SimulatorProcess, database: OwnServer, url: str, tmp_path: Path
) -> None:
    form = {"KOBO_URL": kobo.url, "KOBO_ASSET_ID": kobo.asset}
    engine = open_engine(url)
    server = server_url(kobo.url)
    with open_form(kobo.url, kobo.token, kobo.asset) as client, ExitStack() as services:
        MirrorSync(client, engine, server=server).run()  # it makes all tables
        first = services.enter_context(running_service(url, tmp_path, **form))
        address = f"127.0.0.1:{first.port}"
        registered = register_webhook(client, engine, endpoint=f"http://{address}{PATH}", secret=SECRET)

        def delivered(number: int) -> None:
            wait_for(lambda: kobo.control.stats()["deliveries"]["success"] >= number, 60)

        with ThreadPoolExecutor() as background:
            creating = background.submit(lambda: [kobo.control.create(50) for _ in range(DELIVERIES // 50)])
            delivered(200)
            os.kill(first.workers()[0], signal.SIGKILL)
            delivered(600)
            database.kill()
            time.sleep(1)
            database.start()
            delivered(1_000)
            os.kill(first.process.pid, signal.SIGKILL)
            services.enter_context(running_service(url, tmp_path, WEBHOOK_BIND=address, **form))
            ids = sorted(i for batch in creating.result() for i in batch)
        kobo.control.wait_deliveries(90)
        assert len(ids) == DELIVERIES
        logs = client.hook_logs(registered.hook_uid or "", SUCCESS)
        acknowledged = {log["submission_id"] for log in logs}
        assert len(acknowledged) >= 1_000
        stored = Tables(engine).cells("kobo_id")
        assert acknowledged <= set(stored)
        assert len(stored) == len(set(stored))
        tokens = {row["_id"]: row["_uuid"] for row in kobo.control.rows(ids)}
        with engine.connect() as connection, connection.begin():
            rows = connection.execute(select(submissions.c.kobo_id, submissions.c.uuid))
            held = {row.kobo_id: row.uuid for row in rows}
        assert {i: held[i] for i in acknowledged} == {i: tokens[i] for i in acknowledged}

        assert len(rows_in(engine, "kobo_records__rest")) == len(stored)
        MirrorSync(client, engine, server=server, exact_up_to=0).run()
        report = verify(client, engine, load_mirror(engine, server, kobo.asset), lambda *_: None, full=True)
    assert (report.equal, report.compared) == (True, DELIVERIES)
    engine.dispose()


@contextmanager
def load(service: Service, senders: int) -> Iterator[list[tuple[float, int, float]]]:
    """So many senders, one delivery after the other: when each was sent, its status and its seconds."""
    seen: list[tuple[float, int, float]] = []
    stop, ids = threading.Event(), count(1)

    def send() -> None:
        while not stop.is_set():
            started = time.monotonic()
            status = service.post(body(next(ids)))[0]
            seen.append((started, status, time.monotonic() - started))
            if status != 200:
                stop.wait(0.05)

    with ThreadPoolExecutor(max_workers=senders) as threads:
        running = [threads.submit(send) for _ in range(senders)]
        try:
            yield seen
        finally:
            stop.set()
    for sender in running:
        sender.result()


@pytest.mark.parametrize("seconds", [5, pytest.param(60, marks=pytest.mark.long)])
def test_an_outage_under_load_is_503s_and_then_goes_on_without_a_restart(
    database: OwnServer, bound: str, tmp_path: Path, seconds: int
) -> None:
    with running_service(bound, tmp_path) as service:
        with load(service, 12) as seen:
            wait_for(lambda: len(seen) > 100, 30)
            database.stop()
            down = time.monotonic()
            time.sleep(seconds)
            back = time.monotonic()
            database.start()
            up = time.monotonic()
            wait_for(lambda: sum(sent > up + 2 for sent, *_ in seen) > 100, 15)
        assert {status for _, status, _ in seen} == {200, 503}
        assert {status for sent, status, took in seen if down < sent and sent + took < back} == {503}
        assert {status for sent, status, _ in seen if sent > up + 2} == {200}
        assert max(took for *_, took in seen) < 5
        assert len(service.workers()) == 2
        acknowledged = Counter(status for _, status, _ in seen)[200]
    engine = open_engine(bound)
    assert len(Tables(engine).cells("kobo_id")) >= acknowledged
    engine.dispose()


def test_a_stop_under_load_drops_no_accepted_connection(bound: str, tmp_path: Path) -> None:
    outcomes: list[tuple[int, str]] = []
    ids = count(1)
    with running_service(bound, tmp_path) as service:

        def send_until_refused() -> None:
            while True:
                kobo_id = next(ids)
                try:
                    connection = socket.create_connection(("127.0.0.1", service.port), timeout=10)
                except OSError:
                    return
                with connection:
                    outcomes.append((kobo_id, _delivered(connection, body(kobo_id))))

        with ThreadPoolExecutor(max_workers=32) as threads:
            running = [threads.submit(send_until_refused) for _ in range(32)]
            wait_for(lambda: len(outcomes) > 300, 30)
            service.process.send_signal(signal.SIGTERM)
            for sender in running:
                sender.result(timeout=40)
        assert service.process.wait(timeout=30) == 0
    assert Counter(outcome for _, outcome in outcomes) == {"200": len(outcomes)}
    engine = open_engine(bound)
    assert Tables(engine).cells("kobo_id") == sorted(kobo_id for kobo_id, _ in outcomes)
    engine.dispose()


def _delivered(connection: socket.socket, sent: bytes) -> str:
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    line = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(sent)}\r\n"
    answer = b""
    try:
        connection.sendall(f"{line}{head}\r\n".encode() + sent)
        while piece := connection.recv(4096):
            answer += piece
    except OSError as problem:
        return type(problem).__name__
    return answer[9:12].decode() if answer.endswith(b"}") else "cut off"
