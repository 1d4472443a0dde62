"""The delete guard: 10 submissions or 5 % of the form within 24 hours, never its last ones."""

from __future__ import annotations

import pytest

from kobo_mirror.database.engine import reading
from kobo_mirror.errors import DeletesWaitError
from kobo_mirror.store.codes import waiting_list
from tests.support.mirroring import Mirroring
from tests.support.passing_time import pass_time
from tests.support.tables import records

HOURS = 60


def gone(mirroring: Mirroring, number: int, *, confirm: str | None = None) -> str | int:
    """Delete so many on the server and sync; how many were deleted here, or the code that they wait under."""
    mirroring.simulator.control.delete(mirroring.simulator.control.ids()[:number])
    try:
        return int(mirroring.sync(confirm=confirm)["deleted"])
    except DeletesWaitError:
        with reading(mirroring.engine) as connection:
            waiting = waiting_list(connection, mirroring.simulator.asset)
        assert waiting is not None
        return waiting.code


def of_size(mirroring: Mirroring, rows: int) -> Mirroring:
    mirroring.simulator.control.reset(rows=rows)
    mirroring.sync()
    return mirroring


@pytest.mark.parametrize(
    ("rows", "most"),
    [(3, 2), (11, 10), (12, 10), (100, 10), (200, 10), (220, 11), (239, 11), (240, 12), (300, 15)],
)
def test_deletes_up_to_the_limit_pass_and_one_more_waits(embedded: Mirroring, rows: int, most: int) -> None:
    assert gone(of_size(embedded, rows), most) == most
    assert isinstance(gone(of_size(embedded, rows), most + 1), str)
    assert len(records(embedded.engine)) == rows


@pytest.mark.parametrize("rows", [1, 2, 5, 10])
def test_deleting_the_last_submissions_of_a_form_waits(embedded: Mirroring, rows: int) -> None:
    code = gone(of_size(embedded, rows), rows)
    assert isinstance(code, str)
    assert len(records(embedded.engine)) == rows
    assert gone(embedded, 0, confirm=code) == rows
    assert not records(embedded.engine)


@pytest.mark.parametrize(
    ("rows", "parts", "passes"),
    [
        (300, (8, 7), True),  # 5 % of what there was, not of what is left
        (300, (8, 8), False),
        (300, (1, 14), True),
        (300, (14, 2), False),
        (100, (5, 5), True),
        (100, (5, 6), False),
        (100, (10, 1), False),
    ],
)
def test_deletes_within_a_day_count_for_the_guard(
    embedded: Mirroring, rows: int, parts: tuple[int, int], passes: bool
) -> None:
    first, second = parts
    assert gone(of_size(embedded, rows), first) == first
    pass_time(embedded.engine, 23 * HOURS)
    assert (gone(embedded, second) == second) is passes


def test_deletes_older_than_a_day_do_not_count_for_the_guard(embedded: Mirroring) -> None:
    of_size(embedded, 300)
    for share in (15, 14, 13):  # 5 % of 300, 285 and 271
        assert gone(embedded, share) == share
        pass_time(embedded.engine, 24 * HOURS + 1)


@pytest.mark.parametrize(("rows", "confirmed", "most"), [(300, 100, 10), (300, 20, 14), (60, 40, 10)])
def test_confirmed_deletes_do_not_count_for_the_guard(
    embedded: Mirroring, rows: int, confirmed: int, most: int
) -> None:
    code = gone(of_size(embedded, rows), confirmed)
    assert isinstance(code, str)
    assert gone(embedded, 0, confirm=code) == confirmed
    assert gone(embedded, most) == most
    assert isinstance(gone(embedded, 1), str)


@pytest.mark.parametrize(
    ("rows", "confirmed", "further", "passes"),
    [
        (300, 60, 12, True),  # 5 % of the 240 that are left
        (300, 60, 13, False),
        (15, 12, 2, True),
        (15, 12, 3, False),  # the form's last ones
    ],
)
def test_deletes_beside_a_confirmed_list_are_judged_by_the_remaining_form(
    embedded: Mirroring, rows: int, confirmed: int, further: int, passes: bool
) -> None:
    code = gone(of_size(embedded, rows), confirmed)
    assert isinstance(code, str)
    embedded.simulator.control.delete(embedded.simulator.control.ids()[:further])
    assert (gone(embedded, 0, confirm=code) == confirmed + further) is passes
    assert len(records(embedded.engine)) == rows - confirmed - (further if passes else 0)
