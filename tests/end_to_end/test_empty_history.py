"""A history without entries has been read: what comes after is told in full."""

from __future__ import annotations

from kobo_mirror.cli.status import status
from kobo_mirror.kobo.history import Verdict
from kobo_mirror.store.tables import sync_runs
from tests.support.mirroring import Mirroring
from tests.support.tables import records, rows_of


def test_what_comes_after_an_empty_history_is_read_without_a_gap(embedded: Mirroring) -> None:
    control = embedded.simulator.control
    control.faults.add("empty", count=None, path="/history")
    embedded.sync(mode="exact")
    control.faults.clear()
    edited = control.ids()[0]
    for age in (54, 55):
        control.edit(edited, cd_age=str(age))
        embedded.sync(mode="exact")
    first, *later = rows_of(embedded.engine, sync_runs)
    assert (first["history"], first["history_until"].year, first["history_found"]) == (Verdict.READ, 1970, 0)
    assert [(run["history"], run["history_gap"]) for run in later] == [(Verdict.READ, False)] * 2
    assert records(embedded.engine)[edited]["age"] == 55
    embedded.verify()
    assert status(embedded.engine)["light"] == "green"
