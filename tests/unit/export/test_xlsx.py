"""Workbooks keep every cell as it is within Excel's limits, and lose nothing beyond them."""

from __future__ import annotations

import math
from datetime import date, datetime, time
from fractions import Fraction
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kobo_mirror.errors import ConfigurationError
from kobo_mirror.export.xlsx import MOST_ROWS, Workbook
from kobo_mirror.forms.question_types import Kind
from tests.support.exports import cells_of

TEXT = ("t", Kind.TEXT)


def book(file: Path, *sheets: tuple[str, list[tuple[str, Kind]], list[Any]]) -> dict[str, list[list[Any]]]:
    with file.open("wb") as opened, Workbook(opened) as writing:
        for name, columns, rows in sheets:
            assert writing.sheet(name, columns, rows) == len(rows)
    return cells_of(file)


@settings(max_examples=30)
@given(cell=st.floats(allow_nan=False, allow_infinity=False))
def test_all_digits_of_a_number_are_there(tmp_path_factory: pytest.TempPathFactory, cell: float) -> None:
    file = tmp_path_factory.mktemp("numbers") / "e.xlsx"
    (_, (found,)) = book(file, ("a", [("n", Kind.DECIMAL)], [[cell]]))["a"]
    assert float(found) == cell
    assert openpyxl.load_workbook(file)["a"]["A2"].value == pytest.approx(cell)


@settings(max_examples=30)
@given(cell=st.datetimes(datetime(1900, 3, 1), datetime(9999, 12, 31)))  # noqa: DTZ001
def test_all_digits_of_a_time_are_there(tmp_path_factory: pytest.TempPathFactory, cell: datetime) -> None:
    cell = cell.replace(microsecond=cell.microsecond // 1000 * 1000)
    file = tmp_path_factory.mktemp("times") / "e.xlsx"
    columns = [("m", Kind.DATETIME), ("d", Kind.DATE), ("t", Kind.TIME)]
    (_, found) = book(file, ("a", columns, [[cell, cell.date(), cell.time()]]))["a"]
    milliseconds = [Fraction((one - datetime(1899, 12, 30)).total_seconds()) for one in found]  # noqa: DTZ001
    whole = Fraction((cell - datetime(1899, 12, 30)).total_seconds())  # noqa: DTZ001
    assert math.isclose(milliseconds[0], whole, abs_tol=0.0004)
    assert found[1].date() == cell.date()
    assert abs(milliseconds[2] - whole % 86_400) < Fraction(1, 1000)


def test_what_excel_has_no_number_for_is_a_text(tmp_path: Path) -> None:
    columns = [("i", Kind.INTEGER), ("d", Kind.DATE), ("m", Kind.DATETIME), ("b", Kind.BOOLEAN)]
    rows = [
        [10**15 - 1, date(1900, 3, 1), datetime(1900, 3, 1, 1), True],  # noqa: DTZ001
        [-(2**63), date(1900, 2, 28), datetime(1000, 1, 1, 2), False],  # noqa: DTZ001
        [None, None, None, None],
    ]
    _, numbers, texts, nothing = book(tmp_path / "e.xlsx", ("a", columns, rows))["a"]
    assert numbers[0] == 10**15 - 1
    assert [one.isoformat() for one in numbers[1:3]] == ["1900-03-01T00:00:00", "1900-03-01T01:00:00"]
    assert texts == ["-9223372036854775808", "1900-02-28", "1000-01-01 02:00:00", False]
    assert (numbers[3], nothing) == (True, [])


def test_names_of_sheets_are_what_excel_takes(tmp_path: Path) -> None:
    names = ["a" * 40, "A" * 40, "a[b]:*?/\\c", "history", "'q'", "ቤተሰብ", "", "🌱" * 20]
    found = book(tmp_path / "e.xlsx", *((name, [TEXT], [["x"]]) for name in names))
    expected = ["a" * 31, "A" * 29 + "_2", "a_b______c", "history_2", "_q_", "ቤተሰብ", "_", "🌱" * 15]
    assert [*found] == expected
    assert openpyxl.load_workbook(tmp_path / "e.xlsx").sheetnames == expected


def test_more_columns_than_excel_takes_are_one_sentence(tmp_path: Path) -> None:
    columns = [(f"c{number}", Kind.TEXT) for number in range(16_385)]
    with pytest.raises(ConfigurationError, match="wide has 16,385 columns, and Excel takes 16,384"):
        book(tmp_path / "e.xlsx", ("wide", columns, []))
    (header,) = book(tmp_path / "e.xlsx", ("wide", columns[:-1], []))["wide"]
    assert len(header) == 16_384


@pytest.mark.long
def test_more_rows_than_a_sheet_takes_go_on_in_a_further_one(tmp_path: Path) -> None:
    rows = [[number] for number in range(MOST_ROWS + 1)]
    found = book(tmp_path / "e.xlsx", ("a", [("n", Kind.INTEGER)], rows), ("b", [TEXT], []))
    assert {name: len(lines) for name, lines in found.items()} == {"a": MOST_ROWS, "a_2": 3, "b": 1}
    assert found["a_2"] == [["n"], [MOST_ROWS - 1], [MOST_ROWS]]


def test_a_text_longer_than_a_cell_goes_on_in_a_sheet_of_its_own(tmp_path: Path) -> None:
    texts = ["a" * 32_767, "🌱" * 16_384, "b" * 100_000]
    found = book(tmp_path / "e.xlsx", ("s", [TEXT], [[text] for text in texts]))
    assert found["s"][1] == [texts[0]]
    assert all(cell.endswith(" … [sheet long_texts]") for (cell,) in found["s"][2:])
    assert all(len(cell.encode("utf-16-le")) <= 2 * 32_767 for (cell,) in found["s"][1:])
    parts = found["long_texts"][1:]
    assert [tuple(part[:4]) for part in parts[:2]] == [("s", 3, "t", 1), ("s", 3, "t", 2)]
    whole = {row: "".join(part[4] for part in parts if part[1] == row) for row in (3, 4)}
    assert whole == {3: texts[1], 4: texts[2]}
    midnight = [[time(0)], [time(23, 59, 59, 999_000)]]
    times = book(tmp_path / "t.xlsx", ("s", [("t", Kind.TIME)], midnight))["s"]
    assert [one.time() for (one,) in times[1:]] == [time(0), time(23, 59, 59, 999_000)]
