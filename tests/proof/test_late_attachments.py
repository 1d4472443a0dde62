"""A photo that arrives late keeps the edit token of its submission; the next exact run finds it."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests.support.crashes import Crash, CrashPoint
from tests.support.mirrored_server import MirroredServer


@pytest.mark.parametrize("statement", (70, 85, 100))
def test_a_photo_that_comes_after_a_crash_is_found_by_the_continued_run(
    mirrored: MirroredServer, statement: int
) -> None:
    mirrored.server.control.reset(rows=2)
    young = mirrored.server.control.create(2)
    with suppress(Crash), CrashPoint(mirrored.engine).crash_after(statement):
        mirrored.run("exact")
    mirrored.server.control.attach(young[0])
    mirrored.run("exact")
    assert mirrored.verify().equal
