"""A photo that arrives late keeps the edit token of its submission; the next exact run finds it."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests.support.laboratory import Laboratory
from tests.support.power_cut import Fuse, PowerCut


@pytest.mark.parametrize("statement", (70, 85, 100))
def test_a_photo_that_comes_after_a_crash_is_found_by_the_run_that_goes_on(
    lab: Laboratory, statement: int
) -> None:
    lab.living.control.reset(rows=2)
    young = lab.living.control.create(2)
    with suppress(PowerCut), Fuse(lab.engine).blowing_after(statement):
        lab.run("exact")
    lab.living.control.attach(young[0])
    lab.run("exact")
    assert lab.verify().equal
