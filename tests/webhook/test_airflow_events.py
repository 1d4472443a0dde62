"""An Airflow that is down, silent or unwilling neither delays nor fails a delivery."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kobo_mirror.config.settings import Settings
from kobo_mirror.errors import ConfigurationError
from tests.webhook.bodies import body
from tests.webhook.service import running_service, wait_for

ON_ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@contextmanager
def listener(answer: bytes) -> Iterator[str]:
    """The address of something that gives this answer to each request; with none, it never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    connection = server.accept()[0]
                except OSError:
                    return
                held.append(connection)
                if answer:
                    connection.recv(65536)
                    connection.sendall(answer)
                    connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        for connection in held:
            connection.close()


REDIRECT = b"HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"
NONSENSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (None, "ConnectionRefusedError"),
        (b"", "TimeoutError"),
        (REDIRECT, "it refused WEBHOOK_AIRFLOW_LOGIN (307)"),
        (NONSENSE, "it refused WEBHOOK_AIRFLOW_LOGIN (200)"),
    ],
    ids=["down", "silent", "redirecting", "nonsense"],
)
def test_a_delivery_is_not_delayed_by_an_airflow_that_fails(
    migrated: str, tmp_path: Path, answer: bytes | None, sentence: str
) -> None:
    with listener(answer or b"") as url:
        settings = {
            "WEBHOOK_AIRFLOW_URL": "http://127.0.0.1:9" if answer is None else url,
            "WEBHOOK_AIRFLOW_LOGIN": "webhook:made-up-password",
            "WEBHOOK_AIRFLOW_EVERY_SECONDS": "1",
        }
        with running_service(migrated, tmp_path, **settings) as service:
            started = time.monotonic()
            assert [service.post(body(number))[0] for number in range(1, 6)] == [200] * 5
            assert time.monotonic() - started < 5
            wait_for(lambda: f"Airflow was not told of 1 submissions: {sentence}." in service.log(), 20)
            assert "made-up-password" not in service.log()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WEBHOOK_AIRFLOW_URL", "airflow:8080"),
        ("WEBHOOK_AIRFLOW_LOGIN", "hush"),
        ("WEBHOOK_AIRFLOW_EVERY_SECONDS", "0"),
    ],
)
def test_nonsense_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name) as problem:
        Settings.from_env(env={name: value})
    assert "hush" not in str(problem.value)
