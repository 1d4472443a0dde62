"""Parts: what does not fit into one table of a database goes into another one."""

from __future__ import annotations

from typing import Any

import pytest

from kobo_mirror.forms.definition import read_version
from kobo_mirror.forms.derive import derive
from kobo_mirror.forms.form_schema import Table
from kobo_mirror.forms.question_types import Kind
from kobo_mirror.forms.widths import EMPTY, Width, fits, width_of

Row = dict[str, Any]


def root_of(*versions: list[Row]) -> Table:
    read = [read_version(f"v{n}", {"survey": rows}) for n, rows in enumerate(versions)]
    return derive("aUid", "Survey", read).root


def ask(kind: str, count: int, start: int = 0) -> list[Row]:
    return [{"type": kind, "name": f"{kind}{n}"} for n in range(start, start + count)]


def part_of(root: Table, path: str) -> set[int]:
    return {column.part for column in root.columns if column.path == path}


def test_columns_go_into_a_further_part_in_order_of_birth() -> None:
    root = root_of(ask("text", 200), ask("text", 200) + ask("geopoint", 1) + ask("acknowledge", 1))
    assert [root.part_name(part) for part in range(1, root.parts + 1)] == ["survey", "survey__2"]
    parts = [column.part for column in root.columns]
    assert parts == sorted(parts)
    of_the_system = 7 * 41 + 4 * 7  # six texts and extra, four moments
    assert parts.count(1) == 11 + (7_800 - 200 - of_the_system) // 41
    assert part_of(root, "geopoint0") == part_of(root, "acknowledge0") == {2}


def test_all_facets_of_a_question_are_in_one_part() -> None:
    root = root_of(ask("text", 170), ask("text", 170) + ask("geopoint", 30))
    for path in {column.path for column in root.columns if column.path}:
        assert len(part_of(root, path)) == 1


def test_facets_that_are_born_later_may_lie_in_a_later_part() -> None:
    root = root_of(ask("text", 200), [{"type": "geopoint", "name": "text0"}])
    assert part_of(root, "text0") == {1, 2}


def test_small_columns_are_limited_by_their_number() -> None:
    root = root_of(ask("date", 1000))
    assert root.parts == 2
    assert sum(column.part == 1 for column in root.columns) == 900


def test_an_ended_part_is_never_filled_again() -> None:
    wide = ask("text", 170) + ask("geopoint", 30)
    root = root_of(ask("text", 170), wide, wide + ask("acknowledge", 1))
    assert part_of(root, "acknowledge0") == {root.parts} == {2}


@pytest.mark.parametrize("kind", Kind)
def test_as_many_columns_of_a_kind_fit_as_every_limit_allows(kind: Kind) -> None:
    width, count = EMPTY, 0
    while fits(width + width_of(kind, ""), count + 1):
        width, count = width + width_of(kind, ""), count + 1
    assert width.bytes <= 7_800
    assert width.declared <= 60_000
    assert count <= 900
    reached = (
        width.bytes + width_of(kind, "").bytes > 7_800,
        width.declared + width_of(kind, "").declared > 60_000,
    )
    assert any(reached) or count == 900


def test_each_limit_holds_by_itself() -> None:
    assert fits(Width(7_800, 60_000), 900)
    assert not fits(Width(7_801, 60_000), 900)
    assert not fits(Width(7_800, 60_001), 900)
    assert not fits(Width(7_800, 60_000), 901)
    assert fits(Width(0, 0, 50_000), 0)
    assert not fits(Width(0, 0, 50_001), 0)


def test_columns_with_long_names_are_limited_by_these() -> None:
    names = [f"{'a' * 50}_{n:04}" for n in range(1000)]
    root = root_of([{"type": "date", "name": name} for name in names])
    assert root.parts == 2
    assert (
        sum(column.part == 1 for column in root.columns) == 11 + (50_000 - 500 - _of_the_system(root)) // 73
    )


def _of_the_system(root: Table) -> int:
    return sum(18 + len(column.name) for column in root.columns if not column.path)
