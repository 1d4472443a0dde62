"""A server that was restored from a backup: its newest submissions are gone, edits are undone."""

from __future__ import annotations

import pytest

from tests.support.mirroring import Mirroring
from tests.support.passing_time import pass_time
from tests.support.tables import records

LARGE = {"exact_up_to": 0, "exact_every_hours": 24 * 365}
"""No run is exact by itself."""


@pytest.mark.parametrize("mode", ["auto", "incremental"])
@pytest.mark.parametrize("lost", [1, 9])
def test_a_server_below_the_watermark_is_compared_whole(mirroring: Mirroring, mode: str, lost: int) -> None:
    control = mirroring.simulator.control
    older = control.ids()[3]
    before = control.rows(older)[0]
    control.edit(older, cd_age="77")
    for _ in range(3):
        mirroring.sync(**LARGE)
        pass_time(mirroring.engine, 30)
        control.age_history(30 * 60)
    assert mirroring.sync(mode=mode, **LARGE)["mode"] == "incremental"
    control.vanish(control.ids()[-lost:])
    control.raw(older, before, remove=["meta/deprecatedID"])
    result = mirroring.sync(mode=mode, **LARGE)
    assert (result["mode"], result["deleted"]) == ("exact", lost)
    assert mirroring.verify().equal
    assert records(mirroring.engine)[older]["age"] == int(before["sec_c/cd_age"])


def test_a_server_that_reaches_the_watermark_is_read_incrementally(mirroring: Mirroring) -> None:
    control = mirroring.simulator.control
    for _ in range(3):
        mirroring.sync(**LARGE)
        pass_time(mirroring.engine, 30)
        control.age_history(30 * 60)
    control.create(3)
    result = mirroring.sync(**LARGE)
    assert (result["mode"], result["inserted"]) == ("incremental", 3)
