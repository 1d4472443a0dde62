"""A signal ends ``python -m kobo_mirror run`` with 0, whatever it does to the step that it interrupts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.mirroring import ROOT
from tests.support.processes import free_port

_LOST = """
import os, signal
from threading import Event
from kobo_mirror.cli.serve import serve
from kobo_mirror.errors import DatabaseError, KoboMirrorError

def interrupted():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        Event().wait(20)
    except KeyboardInterrupt:
        {then}

raise SystemExit(serve(lambda: "asked", lambda: "set up", interrupted, every=60.0, stop=Event()))
"""


@pytest.mark.parametrize(
    "then",
    [
        "raise KoboMirrorError('The end could not be noted.')",
        "raise DatabaseError('The database did not answer.')",
        "return 'done'",
        "raise",
    ],
    ids=["replaced", "retried", "lost", "kept"],
)
def test_a_signal_is_no_failure(tmp_path: Path, then: str) -> None:
    environment = os.environ | {
        "DATABASE_URL": f"sqlite:///{tmp_path}/mirror.sqlite",
        "WEBHOOK_BIND": f"127.0.0.1:{free_port()}",
        "KOBO_ASSET_ID": "aRunThatEnds000000000001",
        "WEBHOOK_SECRET": "s3cret-of-the-webhook",
        "PYTHONPATH": str(ROOT / "plugins"),
    }
    command = [sys.executable, "-c", _LOST.format(then=then)]
    done = subprocess.run(command, env=environment, cwd=ROOT, timeout=40, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
