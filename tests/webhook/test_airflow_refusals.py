"""What Airflow refuses is told again: over a new token, of the asset as it is numbered by then."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from webhook.airflow_events import AirflowEvents

ASSET = "kobo://mirror/kobo_records"
LOGIN = "webhook:made-up-password"


class Airflow:
    """The part of Airflow's REST API that is used: what it knows may change while it is asked."""

    def __init__(self) -> None:
        self.token, self.asset_id, self.uri = "first", 7, ASSET
        self.events: list[tuple[int, Any]] = []
        self.refused = 0
        self.signed_in = 0

    def answer(self, method: str, path: str, token: str, sent: Any) -> tuple[int, Any]:
        if path == "/prefix/auth/token":
            self.signed_in += 1
            known = sent == {"username": "webhook", "password": "made-up-password"}
            return (201, {"access_token": self.token}) if known else self.refuse(401)
        if token != f"Bearer {self.token}":
            return self.refuse(401)
        if method == "GET":
            others = [{"id": 1, "uri": f"{ASSET}_of_another"}]
            return 200, {"assets": [*others, {"id": self.asset_id, "uri": self.uri}]}
        if sent["asset_id"] != self.asset_id:
            return self.refuse(404)
        self.events.append((sent["asset_id"], sent["extra"]))
        return 200, {}

    def refuse(self, status: int) -> tuple[int, Any]:
        self.refused += 1
        return status, {"detail": "no"}

    def set_up_anew(self) -> None:
        self.token, self.asset_id = "second", 8

    def forget_tokens(self) -> None:
        self.token = "second"

    def number_anew(self) -> None:
        self.asset_id = 8


@pytest.fixture
def airflow() -> Iterator[tuple[Airflow, str]]:
    """An Airflow and its address."""
    known = Airflow()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            sent = json.loads(self.rfile.read(length)) if length else None
            status, answer = known.answer(
                self.command, self.path.partition("?")[0], self.headers.get("Authorization", ""), sent
            )
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _answer  # as http.server wants them called

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield known, f"http://127.0.0.1:{server.server_address[1]}/prefix/"
    server.shutdown()
    server.server_close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("change", [Airflow.forget_tokens, Airflow.number_anew, Airflow.set_up_anew])
def test_an_airflow_that_changed_gets_the_next_events(
    airflow: tuple[Airflow, str], change: Callable[[Airflow], None]
) -> None:
    known, url = airflow
    events = AirflowEvents(url=url, login=LOGIN, asset=ASSET, every=0.05)
    for _ in range(2):
        before = len(known.events)
        events.arrived()
        until(lambda before=before: len(known.events) > before)  # type: ignore[misc]
    assert (known.signed_in, known.refused, {asset for asset, _ in known.events}) == (1, 0, {7})
    change(known)
    events.arrived()
    until(lambda: known.refused >= 1)
    events.arrived()
    until(lambda: len(known.events) > 2)
    assert known.events[2][0] == known.asset_id
    assert known.signed_in <= 2


def test_events_of_an_unknown_asset_are_sent_later(airflow: tuple[Airflow, str]) -> None:
    known, url = airflow
    known.uri = f"{ASSET}_of_another"
    events = AirflowEvents(url=url, login=LOGIN, asset=ASSET, every=0.05)
    events.arrived()
    until(lambda: known.signed_in == 1)
    time.sleep(0.1)
    assert known.events == []
    known.uri = ASSET
    events.arrived()
    until(lambda: known.events == [(7, {"source": "webhook", "pushed": 1})])


def test_each_submission_is_counted_in_one_event(airflow: tuple[Airflow, str]) -> None:
    known, url = airflow
    events = AirflowEvents(url=url, login=LOGIN, asset=ASSET, every=0.2)
    for number in (1, 5, 3):
        before = len(known.events)
        for _ in range(number):
            events.arrived()
        until(lambda before=before: len(known.events) > before)  # type: ignore[misc]
    until(lambda: sum(extra["pushed"] for _, extra in known.events) == 9)
    time.sleep(0.3)
    assert sum(extra["pushed"] for _, extra in known.events) == 9
    assert all(extra["pushed"] for _, extra in known.events)
