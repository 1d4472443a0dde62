"""The guide for analysts: its statements and its pandas give the answers that the households gave."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine, create_engine, text

from simulator.options import HOUSEHOLD_ASSET, HOUSEHOLD_FILE
from simulator.process import SimulatorProcess
from tests.support.forms.any_mirror import AnyMirror, any_mirror
from tests.support.mirroring import ROOT

GUIDE = (ROOT / "docs" / "analysis.md").read_text("utf-8")
QUESTIONS = range(1, 6)
HOUSEHOLDS: list[dict[str, Any]] = [  # ages of the members apart
    {
        "place/district": "jigjiga",
        "house/water": "well tap",
        "username": "amina",
        "place/gps": "9.35 42.8 0 0",
    },
    {"place/district": "jigjiga", "house/water": "well", "username": "amina", "place/gps": "9.5 42.75"},
    {"place/district": "bor", "house/water": "tap", "username": "አሚና"},
    {"place/district": "bor", "username": "amina", "place/gps": "somewhere"},
    {
        "place/district": "kigali",
        "house/water": " ",
        "username": "jean_paul",
        "place/gps": "-1.95 30.06 1500 4",
    },
    {},
]
AGES = [(1, 2, 3, 40), (0, 4, 4, 17, 18), (0, 1, 2, 3), (), (1, 2, 4), (1, 1, 1, 30)]
APPROVED = (0, 1, 2, 5)
EXPECTED: dict[int, list[tuple[Any, ...]]] = {
    1: [("Bor", 1), ("Djidjiga", 2), (None, 1)],
    2: [("Tap", 2, 66.7), ("Well", 2, 66.7)],
    3: [("Bor", 2, 2.0), ("Djidjiga", 2, 3.5), ("Kigali", 1, 3.0), (None, 1, 3.0)],
    4: [("amina", 3), ("jean_paul", 1), ("አሚና", 1), (None, 1)],
    5: [("v0", 9.35, 42.8), ("v1", 9.5, 42.75), ("v4", -1.95, 30.06)],
}
LAST = {
    who: datetime(2026, 3, day, 8)  # noqa: DTZ001  # UTC
    for who, day in {"amina": 4, "jean_paul": 5, "አሚና": 3, None: 6}.items()
}


def blocks(section: str, language: str) -> list[str]:
    """The blocks of code of a section."""
    inside = GUIDE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", inside, re.DOTALL | re.MULTILINE)


@pytest.fixture
def mirror(database_url: str) -> Iterator[AnyMirror]:
    with (
        SimulatorProcess(form=[HOUSEHOLD_FILE], rows=0) as process,
        any_mirror(process, HOUSEHOLD_ASSET, database_url) as opened,
    ):
        opened.control.reset(rows=0)
        ids = [household(opened, number) for number in range(len(HOUSEHOLDS))]
        opened.control.validate([ids[number] for number in APPROVED], "validation_status_approved")
        opened.sync()
        yield opened


def household(mirror: AnyMirror, number: int) -> int:
    (kobo_id,) = mirror.control.create(1, drawn=False, **{"place/village": f"v{number}"})
    members = [{"members/age": str(age)} for age in AGES[number]]
    further = {"_submission_time": f"2026-03-0{number + 1}T08:00:00"} | (
        {"members": members} if members else {}
    )
    mirror.control.raw(kobo_id, HOUSEHOLDS[number] | further)
    return int(kobo_id)


def selected(engine: Engine, statement: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def told(number: int, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """An answer without what is different in each run, and in one order: collations of databases differ."""
    left = {4: slice(0, 2), 5: slice(1, None)}.get(number, slice(None))
    return sorted((tuple(map(plain, row))[left] for row in rows), key=lambda row: (row[0] is None, row))


def plain(cell: Any) -> Any:
    """A cell of either kind: pandas has NaN for None, MySQL Decimal for float."""
    if isinstance(cell, Decimal):
        return float(cell)
    return None if pd.isna(cell) else cell


def moments(rows: list[tuple[Any, ...]]) -> dict[str | None, datetime]:
    return {plain(row[0]): pd.Timestamp(row[2]).to_pydatetime() for row in rows}


def test_sql_and_pandas_give_the_same_and_the_right_answers(mirror: AnyMirror) -> None:
    statements, (start, *code) = blocks("In SQL", "sql"), blocks("In pandas", "python")
    assert len(statements) == len(code) == len(QUESTIONS)
    begun = re.sub(r'create_engine\(".*"\)', f"create_engine({mirror.url!r})", start)
    assert begun != start
    known: dict[str, Any] = {}
    exec(begun, known)  # noqa: S102  # our own documentation
    for number, statement, program in zip(QUESTIONS, statements, code, strict=True):
        exec(program, known)  # noqa: S102
        by_sql = selected(mirror.engine, statement)
        by_pandas = [tuple(row) for row in known["answer"].astype(object).itertuples(index=False)]
        assert told(number, by_sql) == EXPECTED[number], statement
        assert told(number, by_pandas) == EXPECTED[number], program
        if number == 4:
            assert moments(by_sql) == moments(by_pandas) == LAST
        if number == 5:
            assert [row[0] for row in by_sql] == [row[0] for row in by_pandas]
    known["engine"].dispose()


def test_a_filter_of_metabase_is_a_part_of_the_statement(mirror: AnyMirror) -> None:
    (statement,) = blocks("In Metabase", "sql")
    without = re.sub(r"\[\[.*?\]\]", "", statement)
    assert told(1, selected(mirror.engine, without)) == EXPECTED[1]
    filled = statement.replace("[[", "").replace("]]", "").replace("{{district}}", "'Bor'")
    assert selected(mirror.engine, filled) == [("Bor", 1)]


def test_what_power_bi_asks_is_a_statement_of_the_guide() -> None:
    ((query),) = re.findall(r'Query = "(.*?)"', GUIDE)
    assert query in [" ".join(statement.split()) for statement in blocks("In SQL", "sql")]


def test_views_that_the_guide_names_are_there(mirror: AnyMirror) -> None:
    engine = create_engine(mirror.url)
    named = set(re.findall(r"\bhouseholds__\w+", GUIDE)) - {"households__geo"}
    views = {row[0] for row in selected(engine, "SELECT table_name FROM kobo_tables WHERE kind = 'view'")}
    assert named <= views
    columns = "SELECT column_name FROM kobo_view_columns WHERE view_name = 'households__fr'"
    assert {"district", "water", "username", "gps__lat", "key"} <= {
        row[0] for row in selected(engine, columns)
    }
    engine.dispose()
