"""The second process: where it is forked, and what the first one does when it has ended."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.mirroring import ROOT

FORKED = """
import os, threading
from kobo_mirror.sync.second_process import fork
{before}
second = fork(lambda part, progress: None)
print(second is not None)
if second:
    second.close()
    print(second.is_there)
"""
A_THREAD = "threading.Thread(target=threading.Event().wait, daemon=True).start()"
NO_FURTHER = """
def refuse(): raise BlockingIOError(11, "Resource temporarily unavailable")
os.fork = refuse"""
ONE_CORE = "os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])"
NOT = "False\n"


@pytest.mark.parametrize(
    ("before", "printed"),
    [("", "True\nFalse\n"), (A_THREAD, NOT), (ONE_CORE, NOT), (NO_FURTHER, NOT)],
    ids=["two cores", "a thread", "one core", "no further process"],
)
def test_it_is_forked_only_where_that_is_safe_and_of_use(before: str, printed: str) -> None:
    assert ran(FORKED.format(before=before)) == (0, printed, "")


SHARED = """
import os
from kobo_mirror.errors import LaneTakenError
from kobo_mirror.sync.run_handle import RunHandle
from kobo_mirror.sync.second_process import fork

late, pulled = [LaneTakenError("a page of lane 1"), LaneTakenError("a page of lane 3")], []

def pull(handle, lanes, *, in_flight=None):
    pulled.append((lanes, in_flight))
    if lanes == [1, 3] and late:
        raise late.pop()

shown = []
second = fork(lambda part, progress: (progress("pull", 10, 100), os._exit(1)))
handle = RunHandle("run", 1, 1, "exact", False)
second.share(pull, lambda *told: shown.append(told), 3, handle, [0, 1, 2, 3])
print(pulled, second.is_there)
print(shown)
"""


def test_pages_that_a_dead_process_had_sent_may_be_committed_late() -> None:
    code, out, err = ran(SHARED)
    assert (code, out.splitlines()) == (
        0,
        [
            "[([0, 2], 2), ([1, 3], None), ([1, 3], None), ([1, 3], None)] False",
            "[('pull', 10, 100), ('pull', 0, -90)]",
        ],
    )
    assert err == "The second process ended before its part was read; the first one has read it.\n"


def ran(script: str) -> tuple[int, str, str]:
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(ROOT / "plugins"), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return ran.returncode, ran.stdout, ran.stderr
