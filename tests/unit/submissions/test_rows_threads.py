from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
MANY_THREADS_MEET_A_FORM_AT_ONCE = """
import sys, threading
from kobo_mirror.submissions import rows, values
from tests.support.submissions import MIRROR, body, submission

sys.setswitchinterval(1e-6)
raw = body(submission(1))

def read(start):
    start.wait()
    assert rows.read_state(raw, MIRROR).row

for _ in range(100):
    values._fast_shape.cache_clear()
    start = threading.Barrier(8)
    threads = [threading.Thread(target=read, args=(start,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_threads_that_meet_a_form_at_once_do_not_crash_the_process() -> None:
    """Regression: two first conversions of a msgspec struct at the same moment were a segmentation fault."""
    done = subprocess.run(
        [sys.executable, "-c", MANY_THREADS_MEET_A_FORM_AT_ONCE],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
