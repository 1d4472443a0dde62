from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from kobo_mirror.airflow.alerts import deadline_from_env, say_late
from kobo_mirror.errors import ConfigurationError, KoboMirrorError
from tests.support import airflow_environment  # noqa: F401  # before anything of Airflow

CONTEXT = {"dag_run": {"dag_id": "kobo_sync", "dag_run_id": "manual__1"}}
SENTENCE = "kobo_sync is late: its run manual__1 has not ended 60 minutes after its start."


class Chat(HTTPServer):
    """Takes what is posted to it, at an address that is a secret."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.status = 200
        self.taken: list[Any] = []


class Answering(BaseHTTPRequestHandler):
    server: Chat

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append(json.loads(body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        return


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    with Chat() as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setenv("KOBO_ALERT_URL", f"http://127.0.0.1:{server.server_port}/services/hush")
        yield server
        server.shutdown()


@pytest.mark.parametrize(("given", "minutes"), [("60", 60), (" 5 ", 5)])
def test_the_environment_sets_the_deadline(monkeypatch: pytest.MonkeyPatch, given: str, minutes: int) -> None:
    monkeypatch.setenv("KOBO_SYNC_DEADLINE_MINUTES", given)
    alert = deadline_from_env("KOBO_SYNC_DEADLINE_MINUTES")
    assert alert is not None
    assert alert.interval == timedelta(minutes=minutes)
    assert alert.callback.path == "kobo_mirror.airflow.alerts.say_late"


@pytest.mark.parametrize("given", ["", "none", "None"])
def test_without_minutes_there_is_no_deadline(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("KOBO_SYNC_DEADLINE_MINUTES", given)
    assert deadline_from_env("KOBO_SYNC_DEADLINE_MINUTES") is None


@pytest.mark.parametrize("given", ["0", "-1", "an hour", "1234567"])
def test_a_malformed_deadline_names_its_variable(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("KOBO_SYNC_DEADLINE_MINUTES", given)
    with pytest.raises(ConfigurationError, match="KOBO_SYNC_DEADLINE_MINUTES must be a whole number"):
        deadline_from_env("KOBO_SYNC_DEADLINE_MINUTES")


def test_a_late_run_is_a_line_of_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("KOBO_ALERT_URL", raising=False)
    with caplog.at_level(logging.WARNING, logger="kobo_mirror.airflow.alerts"):
        say_late(60, CONTEXT)
    assert caplog.messages == [SENTENCE]


def test_a_late_run_is_posted_to_the_chat(chat: Chat) -> None:
    say_late(60, CONTEXT)
    assert chat.taken == [{"text": SENTENCE}]


def test_a_chat_that_refuses_the_alert_is_an_error_without_its_address(chat: Chat) -> None:
    chat.status = 404
    with pytest.raises(
        KoboMirrorError, match=r"KOBO_ALERT_URL did not accept the alert \(HTTPError\)"
    ) as error:
        say_late(60, CONTEXT)
    assert "hush" not in str(error.value)
    assert error.value.__suppress_context__


def test_a_malformed_alert_address_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOBO_ALERT_URL", "hush")
    with pytest.raises(ConfigurationError, match="KOBO_ALERT_URL must be an address"):
        say_late(60, CONTEXT)
