"""A server that cannot name its newest submission: what was read is written, ends and deletes are proven."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.mirroring import Mirroring
from tests.support.tables import answers, ledger

DOWNWARDS = r"sort=%7B%22_id%22:-1%7D"


def sync(mirroring: Mirroring, **options: Any) -> dict[str, Any]:
    return mirroring.sync(mirroring.client(attempts=2), **options)


@pytest.mark.parametrize("kind", ["504", "400", "drop"])
@pytest.mark.parametrize("page_size", [7, 1000])
def test_a_mirror_is_exact_without_sorting_downwards(embedded: Mirroring, kind: str, page_size: int) -> None:
    control = embedded.simulator.control
    control.reset(rows=30)
    control.faults.add(kind, count=None, path=DOWNWARDS)
    assert sync(embedded, page_size=page_size)["inserted"] == 30
    control.edit(control.ids()[3], cd_age="41")
    control.create(2)
    control.delete([control.ids()[0], control.ids()[9], control.ids()[-1]])
    result = sync(embedded, mode="exact", page_size=page_size)
    assert (result["inserted"], result["updated"], result["deleted"]) == (1, 1, 2)
    assert sorted(answers(embedded.engine)) == control.ids()
    assert embedded.verify().equal
    assert sync(embedded, mode="exact")["unchanged"] == 0


@pytest.mark.parametrize("after", [0, 1])
def test_a_page_that_was_read_is_written_though_the_end_is_unknown(embedded: Mirroring, after: int) -> None:
    """Every other question about the end fails, and then the server as a whole."""
    control = embedded.simulator.control
    control.reset(rows=30)
    control.faults.add("504", count=None, path=DOWNWARDS)
    control.faults.add("504", count=None, after=after, path=r"%22%24gt%22:.*limit=2(&|$)")
    control.faults.add("504", count=2, path=r"limit=2(&|$)")
    assert sync(embedded)["inserted"] == 30
    assert len(ledger(embedded.engine)) == 30
    assert embedded.verify().equal


def test_a_restored_server_is_seen_without_sorting_downwards(embedded: Mirroring) -> None:
    control = embedded.simulator.control
    control.reset(rows=30)
    sync(embedded)
    control.faults.add("504", count=None, path=DOWNWARDS)
    assert sync(embedded)["mode"] == "exact"
    control.delete(control.ids()[-1])
    assert sync(embedded)["deleted"] == 1
    assert embedded.verify().equal
