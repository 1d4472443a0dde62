"""README's example of a delivery, run as it stands there, does what README says of it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from kobo_mirror.store.tables import dead_letters, submissions
from simulator.options import Options
from simulator.process import SimulatorProcess
from tests.support.mirroring import ROOT, Mirroring
from tests.support.tables import queued_refs, records, rows_of
from tests.webhook.service import Service, running_service

# What may answer in the place of KoboToolbox where KOBO_URL is not quite right.
NO_SUBMISSIONS = {
    "a redirect": (301, b"<html>Moved</html>"),
    "a redirect without a body": (302, b""),
    "a sign-in page": (200, b"<html>Sign in</html>"),
    "nothing": (200, b""),
    "a list": (200, b"[]"),
}

SECRET = "made-up-secret-of-the-webhook"
EXAMPLE = re.compile(r"```sh\n(submission=\$\(curl .*?)```", re.DOTALL)
OF_README = ("412901", "http://127.0.0.1:8000")


@pytest.fixture
def service(embedded: Mirroring, tmp_path: Path) -> Iterator[Service]:
    ours = {"KOBO_ASSET_ID": embedded.simulator.asset, "KOBO_URL": embedded.simulator.url}
    with running_service(embedded.url, tmp_path, WEBHOOK_SECRET=SECRET, **ours) as running:
        yield running


def posted(mirroring: Mirroring, service: Service, kobo_id: int, **changes: str) -> tuple[int, str, str]:
    """Run the example with another ``_id`` and port; exit code, output and errors."""
    found = EXAMPLE.search((ROOT / "README.md").read_text())
    assert found
    script = found[1]
    for written, ours in zip(OF_README, (str(kobo_id), f"http://127.0.0.1:{service.port}"), strict=True):
        assert written in script
        script = script.replace(written, ours)
    done = subprocess.run(
        ["sh", "-c", script],
        env=mirroring.environment(WEBHOOK_SECRET=SECRET, NO_PROXY="*", **changes),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def held(mirroring: Mirroring) -> list[dict[str, Any]]:
    """The ledger, without the moment of the last delivery."""
    return [{**row, "pushed_at": None} for row in rows_of(mirroring.engine, submissions)]


def test_a_submission_that_is_there_changes_nothing(embedded: Mirroring, service: Service) -> None:
    embedded.sync()
    before = held(embedded), records(embedded.engine)
    code, out, err = posted(embedded, service, embedded.simulator.control.ids()[7])
    said = re.search(r"real-time-updates\n# ({.*})\n", (ROOT / "README.md").read_text())
    assert said
    assert (code, err) == (0, "")
    assert json.loads(out) == json.loads(said[1])
    assert (held(embedded), records(embedded.engine)) == before


def test_one_that_is_not_there_is_inserted(embedded: Mirroring, service: Service) -> None:
    embedded.sync()
    embedded.simulator.control.set_delivery("lose")
    (new,) = embedded.simulator.control.create(1)
    assert json.loads(posted(embedded, service, new)[1])["result"] == "inserted"
    assert len(records(embedded.engine)) == 301
    assert new in records(embedded.engine)


def test_before_the_first_sync_it_is_deferred(embedded: Mirroring, service: Service) -> None:
    first = embedded.simulator.control.ids()[7]
    assert json.loads(posted(embedded, service, first)[1])["result"] == "deferred"
    assert (records(embedded.engine), set(queued_refs(embedded.engine))) == ({}, {str(first)})
    embedded.sync()
    assert first in records(embedded.engine)
    assert queued_refs(embedded.engine) == {}


@pytest.mark.parametrize("changes", [{}, {"KOBO_TOKEN": "0" * 40}], ids=["no such _id", "a wrong token"])
def test_nothing_is_posted_for_a_submission_that_kobotoolbox_lacks(
    embedded: Mirroring, service: Service, changes: dict[str, str]
) -> None:
    embedded.sync()
    code, out, err = posted(embedded, service, 9_999_999 if not changes else 7, **changes)
    assert (code != 0, out) == (True, "")
    assert err.startswith("curl: ")
    assert rows_of(embedded.engine, dead_letters) == []


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """Serve the same answer to every request; gives the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Location", "https://another.example/")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("answer", NO_SUBMISSIONS)
def test_what_is_no_submission_is_not_posted(embedded: Mirroring, service: Service, answer: str) -> None:
    with answering(*NO_SUBMISSIONS[answer]) as url:
        code, out, err = posted(embedded, service, 7, KOBO_URL=url)
    assert (code != 0, out) == (True, "")
    assert err == f"{url} sent no submission: is it KoboToolbox's own address?\n"
    assert rows_of(embedded.engine, dead_letters) == []


def test_the_values_of_the_demo_are_true() -> None:
    (line,) = re.findall(r"^With the simulated survey .*$", (ROOT / "README.md").read_text(), re.MULTILINE)
    options = Options()
    assert f"`KOBO_URL=http://{options.host}:{options.port}`" in line
    values = re.findall(r'^\w+ = "(\w+)"', (ROOT / "simulator/options.py").read_text(), re.MULTILINE)
    assert "`KOBO_TOKEN` and `KOBO_ASSET_ID` are the first two values" in line
    assert values[:2] == [options.token, options.asset]
    (kobo_id,) = re.findall(r"`_id` (\d+) exists", line)
    with SimulatorProcess(rows=options.rows) as demo:
        assert int(kobo_id) in demo.control.ids()
