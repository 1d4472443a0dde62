"""Views as people find them: after a sync, in the words of the documentation, and under every hindrance."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from kobo_mirror.config.policies import AUTO
from kobo_mirror.errors import SchemaError
from kobo_mirror.forms.wanted import WantedForm
from simulator.process import SimulatorProcess
from tests.support.forms.any_mirror import AnyMirror, any_mirror, form_file, uid_of
from tests.support.mirroring import ROOT, Mirroring
from tests.support.tables import run_sql

NAME = "households"
LANGUAGES = ["English (en)", "Français (fr)", "العربية (ar)"]
Content = dict[str, Any]


def form(*, north: str = "Nord", village: str = "village", kuid: str = "k1") -> Content:
    """Households with their members, in three languages."""
    return {
        "schema": "1",
        "translations": LANGUAGES,
        "survey": [
            {"type": "text", "name": village, "$kuid": kuid, "label": ["Village", "Village", "قرية"]},
            {"type": "select_one", "name": "district", "select_from_list_name": "districts"},
            {"type": "datetime", "name": "seen"},
            {"type": "begin_repeat", "name": "members"},
            {"type": "integer", "name": "age", "label": ["Age", "Âge", "العمر"]},
            {"type": "end_repeat"},
        ],
        "choices": [
            {"list_name": "districts", "name": "n", "label": ["North", north, "شمال"]},
            {"list_name": "districts", "name": "s", "label": ["South", None, "جنوب"]},
        ],
        "settings": {},
        "translated": ["label"],
    }


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    file = form_file(tmp_path_factory.mktemp("views"), NAME, form(), rows=0)
    with SimulatorProcess(form=[file]) as running:
        yield running


@pytest.fixture
def mirror(served: SimulatorProcess, database_url: str) -> Iterator[AnyMirror]:
    with any_mirror(served, uid_of(NAME), database_url) as opened:
        opened.control.reset(rows=0)
        opened.control.deploy(form())
        yield opened


def household(mirror: AnyMirror, district: str, *ages: int, village: str = "village") -> int:
    """A household with members of these ages."""
    (kobo_id,) = mirror.control.create(1)
    answers = {village: f"v{kobo_id}", "district": district, "seen": "2026-01-02T10:00:00.000+05:45"}
    members = [{"members/age": str(age)} for age in ages]
    asked = {"village", "phone", "district", "seen", "members"}
    mirror.control.raw(kobo_id, {**answers, "members": members}, asked - {*answers, "members"})
    return int(kobo_id)


def rows(mirror: Mirroring, query: str) -> list[dict[str, Any]]:
    with mirror.engine.connect() as connection:
        return [dict(row) for row in connection.execute(text(query)).mappings()]


def views(mirror: Mirroring) -> set[str]:
    return {*inspect(mirror.engine).get_view_names()} - {"kobo_rejected"}


def test_the_documented_statements_answer(mirror: AnyMirror) -> None:
    documented = (ROOT / "docs" / "forms.md").read_text(encoding="utf-8")
    block = documented[documented.index("## Views") :].split("```sql\n")[1].split("```")[0]
    statements = [one for one in block.split(";\n") if one.strip()]
    ids = [
        household(mirror, "n", 1, 2, 3, 40),
        household(mirror, "n", 1, 2, 30),
        household(mirror, "s", 0, 0, 4),
    ]
    mirror.control.validate(ids, "validation_status_approved")
    mirror.sync()
    approved, members, choices, columns, listed = (rows(mirror, one) for one in statements)
    assert {(row["district"], row["households"]) for row in approved} == {("Nord", 1), ("South", 1)}
    assert [row["key"] for row in members][:2] == [f"{ids[0]}-1", f"{ids[0]}-2"]
    assert {row["parent_key"] for row in members} == {str(one) for one in ids}
    told = [(row["question"], row["label"], row["answers"]) for row in choices]
    assert told == [("district", "North", 2), ("district", "South", 1)]
    assert [tuple(row.values()) for row in columns] == [("village", "Village")]
    assert {row["table_name"] for row in listed} == views(mirror)
    assert {row["language"] for row in listed} == {None, *LANGUAGES}
    (seen,) = rows(mirror, f"SELECT seen__local FROM households__ar WHERE kobo_id = {ids[0]}")
    assert str(seen["seen__local"]).startswith("2026-01-02 10:00:00")


def test_a_deployed_version_changes_labels_and_keeps_renamed_questions_together(mirror: AnyMirror) -> None:
    first = household(mirror, "n")
    mirror.sync()
    mirror.control.deploy(form(north="Le Nord", village="place"))
    second = household(mirror, "n", village="place")
    mirror.sync()
    found = rows(mirror, "SELECT kobo_id, village, district FROM households__fr ORDER BY kobo_id")
    assert [tuple(row.values()) for row in found] == [(one, f"v{one}", "Le Nord") for one in (first, second)]
    assert mirror.verify().equal


def test_views_that_were_dropped_or_replaced_are_there_again_after_a_sync(mirror: AnyMirror) -> None:
    mirror.sync()
    before = views(mirror)
    with mirror.engine.begin() as connection:
        connection.execute(text("DROP VIEW households__full"))
        connection.execute(text("DROP VIEW households__fr"))
        connection.execute(text("CREATE VIEW households__fr AS SELECT 1 AS x"))
    with pytest.raises(SchemaError, match=r"\(households__fr, households__full\)"):
        mirror.verify()
    mirror.sync()
    assert views(mirror) == before
    assert rows(mirror, "SELECT district FROM households__fr") == []
    assert mirror.verify().equal


def test_a_catalog_that_tells_something_else_of_views_is_written_anew_by_a_sync(mirror: AnyMirror) -> None:
    mirror.sync()
    run_sql(mirror.engine, "UPDATE kobo_view_columns SET label = 'wrong' WHERE view_name = 'households__fr'")
    with pytest.raises(SchemaError, match=r"kobo_view_columns says something else of households__fr\."):
        mirror.verify()
    mirror.sync()
    assert mirror.verify().equal


def test_a_view_of_another_program_makes_the_light_amber_and_nothing_fail(mirror: AnyMirror) -> None:
    asked = form()
    asked["survey"].append({"type": "select_multiple", "name": "d", "select_from_list_name": "districts"})
    mirror.control.deploy(asked)
    household(mirror, "n")
    mirror.sync()
    run_sql(mirror.engine, "CREATE VIEW households__wide AS SELECT 1 AS x")
    (Path(mirror.folder.name) / "kobo.yml").write_text("forms:\n- views: [wide]\n")
    assert mirror.command("sync")[0] == 0
    mirror.verify()
    _, out, _ = mirror.command("status", "--json")
    told = json.loads(out)
    assert told["light"] == "amber"
    assert "cannot have the view households__wide" in " ".join(told["findings"])
    assert rows(mirror, "SELECT * FROM households__wide") == [{"x": 1}]
    assert mirror.found() == mirror.wanted()
    run_sql(mirror.engine, "DROP VIEW households__wide")
    assert mirror.command("sync")[0] == 0
    _, out, _ = mirror.command("status", "--json")
    assert json.loads(out)["light"] == "green", out
    assert len(rows(mirror, "SELECT d__n FROM households__wide")) == 1


def test_the_survey_has_its_views_beside_its_table(mirroring: Mirroring) -> None:
    mirroring.sync(wanted=WantedForm(schema=AUTO))
    (count,) = rows(mirroring, "SELECT COUNT(*) AS n FROM kobo_records")
    found = rows(mirroring, "SELECT * FROM kobo_records__full")
    assert len(found) == count["n"] == len({row["key"] for row in found})
    assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", row["id"]) for row in found)
    declared = {row["kobo_id"]: row for row in rows(mirroring, "SELECT * FROM kobo_records")}
    rest = {row["kobo_id"]: row for row in rows(mirroring, "SELECT * FROM kobo_records__rest")}
    for row in found:
        mine = declared[row["kobo_id"]]
        assert {n: row[n] for n in mine if n != "id"} == {n: c for n, c in mine.items() if n != "id"}
        assert row["root_uuid"] == rest[row["kobo_id"]]["root_uuid"]
        assert row["id"].replace("-", "") == mine["id"].hex()


def test_what_kobo_yml_asks_for_is_made_and_taken_back(mirror: AnyMirror) -> None:
    asked = form()
    asked["survey"].append({"type": "select_multiple", "name": "d", "select_from_list_name": "districts"})
    mirror.control.deploy(asked)
    file = Path(mirror.folder.name) / "kobo.yml"
    file.write_text("forms:\n- views: [wide]\n")
    code, _, error = mirror.command("sync")
    assert code == 0, error
    assert "households__wide" in views(mirror)
    assert rows(mirror, "SELECT d__n, d__s FROM households__wide") == []
    file.write_text("forms: []\n")
    code, _, error = mirror.command("sync")
    assert code == 0, error
    assert "households__wide" not in views(mirror)
