"""The database's clock was set back after deliveries: what changes later arrives all the same."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.mirroring import Mirroring
from tests.support.tables import queued_refs, records, set_pushed


@pytest.mark.parametrize("ahead", [timedelta(minutes=10), timedelta(days=5 * 365)], ids=["minutes", "years"])
def test_edits_and_deletes_of_what_was_delivered_arrive(mirroring: Mirroring, ahead: timedelta) -> None:
    control = mirroring.simulator.control
    mirroring.sync()
    set_pushed(mirroring.engine, ahead)
    edited, validated, twice, deleted = control.ids()[:4]
    control.edit(edited, cd_age="55")
    control.validate(validated, "approved")
    for age in ("56", "57"):
        control.edit(twice, cd_age=age)
    control.delete(deleted)
    mirroring.sync(mode="exact")
    assert mirroring.verify().equal
    held = records(mirroring.engine)
    assert (held[edited]["age"], held[twice]["age"], deleted in held) == (55, 57, False)
    assert queued_refs(mirroring.engine) == {}
