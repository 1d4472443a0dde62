"""A webhook that is set up wrongly says so in a sentence and ends."""

from __future__ import annotations

import socket
import subprocess
import threading
from pathlib import Path

import pytest

from tests.webhook.bodies import PATH, SECRET, body
from tests.webhook.service import COMMAND, ROOT, environment, running_service


def started(tmp_path: Path, **changes: str) -> tuple[int, list[str]]:
    """Exit code of a webhook that is to end by itself, and what it said."""
    done = subprocess.run(
        COMMAND,
        cwd=ROOT,
        env=environment(f"sqlite:///{tmp_path}/kobo.db", tmp_path / "tmp", **changes),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    said = done.stdout + done.stderr
    assert SECRET not in said
    assert "made-up" not in said
    assert list((tmp_path / "tmp").iterdir()) == []
    return done.returncode, said.strip().splitlines()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"DATABASE_URL": ""}, "DATABASE_URL is not set"),
        ({"DATABASE_URL": "postgresql://made-up"}, "DATABASE_URL must"),
        ({"KOBO_ASSET_ID": "made-up"}, "KOBO_ASSET_ID must"),
        ({"WEBHOOK_SECRET": ""}, "WEBHOOK_SECRET is not set"),
        ({"WEBHOOK_SECRET": "made-up\u00fc"}, "WEBHOOK_SECRET must"),
        ({"WEBHOOK_AUTH": "perhaps"}, "WEBHOOK_AUTH must"),
        ({"WEBHOOK_BIND": "made-up"}, "WEBHOOK_BIND must be a host and a port from 0 to 65535"),
        ({"WEBHOOK_BIND": "127.0.0.1:65536"}, "WEBHOOK_BIND must"),
        ({"WEBHOOK_BIND": "127.0.0.1:http"}, "WEBHOOK_BIND must"),
        ({"WEBHOOK_BIND": "::1:8000"}, "WEBHOOK_BIND must"),
        ({"WEB_CONCURRENCY": "0"}, "WEB_CONCURRENCY must be a whole number from 1 to 256"),
        ({"WEB_CONCURRENCY": "257"}, "WEB_CONCURRENCY must"),
        ({"WEBHOOK_ALLOWED_NETWORKS": "made-up"}, "WEBHOOK_ALLOWED_NETWORKS must"),
        ({"WEBHOOK_TRUSTED_PROXIES": "made-up"}, "WEBHOOK_TRUSTED_PROXIES must"),
        ({"WEBHOOK_AIRFLOW_URL": "made-up"}, "WEBHOOK_AIRFLOW_URL must"),
        ({"WEBHOOK_AIRFLOW_LOGIN": "made-up"}, "WEBHOOK_AIRFLOW_LOGIN must"),
        ({"WEBHOOK_AIRFLOW_EVERY_SECONDS": "often"}, "WEBHOOK_AIRFLOW_EVERY_SECONDS must"),
        ({"WEBHOOK_AIRFLOW_URL": "http://127.0.0.1:9"}, "WEBHOOK_AIRFLOW_LOGIN is not set"),
    ],
)
def test_it_does_not_start_without_what_it_needs(tmp_path: Path, changes: dict[str, str], named: str) -> None:
    code, lines = started(tmp_path, **changes)
    assert code != 0
    (sentence,) = lines
    assert sentence.startswith(f"The webhook cannot start. {named}")


@pytest.mark.parametrize(
    ("bind", "why"),
    [
        ("nosuchhost.invalid:8000", "which is no host that is known here"),
        ("203.0.113.7:8000", "which is no address of this machine"),
        ("127.0.0.1:{taken}", "where another program listens already"),
    ],
)
def test_its_last_line_names_the_address_where_it_cannot_listen(tmp_path: Path, bind: str, why: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        named = bind.format(taken=other.getsockname()[1])
        code, lines = started(tmp_path, WEBHOOK_BIND=named)
    assert code != 0
    assert lines[-1].startswith(f"The webhook cannot start. WEBHOOK_BIND names {named}, {why}")
    assert [line for line in lines[:-1] if "Starting gunicorn" not in line] == []


@pytest.mark.long
def test_an_address_that_becomes_free_is_waited_for(tmp_path: Path, migrated: str) -> None:
    other = socket.create_server(("127.0.0.1", 0))
    threading.Timer(1.5, other.close).start()
    with running_service(migrated, tmp_path, WEBHOOK_BIND=f"127.0.0.1:{other.getsockname()[1]}") as service:
        assert service.request("GET", "/health/live")[0] == 200


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_it_runs_without_a_secret_only_when_that_is_configured(tmp_path: Path, migrated: str) -> None:
    with running_service(migrated, tmp_path, WEBHOOK_SECRET="", WEBHOOK_AUTH="none") as service:
        json = {"Content-Type": "application/json"}
        assert service.request("POST", PATH, body=body(1), headers=json)[0] == 200
        assert "WEBHOOK_AUTH=none" in service.log()
