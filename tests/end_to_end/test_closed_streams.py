"""Some schedulers start a job with its streams closed: what it opens first then has their numbers."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.mirroring import Mirroring


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_sync_needs_none_of_its_streams(embedded: Mirroring, closed: str) -> None:
    command = f"exec {sys.executable} -m kobo_mirror sync {closed}"
    environment, folder = embedded.environment(), embedded.folder.name
    subprocess.run(["sh", "-c", command], env=environment, cwd=folder, timeout=60, check=True)
    assert embedded.verify().equal
