"""What the page shows of a derived form: its tables with their rows, and the cells that are rejected."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from kobo_mirror.airflow.page.texts import TEXTS, Words
from tests.page.everything import faults_in
from tests.page.test_page import ATTACK, SCRIPT, Elements, finished_run, proof
from tests.support.forms.applied import Applying
from tests.support.forms.judging import UID
from tests.support.forms.members import MEMBERS, document, put
from tests.support.forms.row_set_writing import RowSetWriting
from tests.support.forms.surveys import ask, survey
from tests.support.submissions import ASSET, submission
from tests.support.tables import run_sql
from tests.support.writing import Writing

Client = Callable[[str | None], TestClient]
SECRET = "a secret answer"
FORM = f"api/forms/{UID}"


@pytest.fixture
def derived(engine: Engine) -> RowSetWriting:
    """Three submissions of a derived form beside the declared one; in two of them an age is no number."""
    applying = Applying(engine)
    applying.apply(survey([*ask("integer", "years", label="Âge"), *MEMBERS]))
    writing = RowSetWriting(applying)
    put(
        writing,
        *(document(i, age="7", years="x" if i == 2 else SECRET if i == 1 else "3") for i in (1, 2, 3)),
    )
    return writing


def html_of(as_user: Client, user: str = "vic", **query: Any) -> str:
    return as_user(user).get("", params={"asset_uid": UID, **query}).text


def test_the_tables_are_shown_with_what_they_hold(as_user: Client, derived: RowSetWriting) -> None:
    html = html_of(as_user)
    names = re.findall(r'data-rows="([^"]+)"', html)
    assert names == ["survey", "survey__members", "survey__pets", "survey__files"]
    assert f'data-counts="{FORM}/tables"' in html
    for kind in ("main", "repeat", "files"):
        assert TEXTS["en"][f"kind_{kind}"] in html
    assert "<code>members/pets</code>" in html


def test_the_rows_are_counted_apart_from_the_page(as_user: Client, derived: RowSetWriting) -> None:
    found = as_user("vic").get(f"{FORM}/tables").json()
    assert found["counted_at"]
    assert {one["name"]: one["rows"] for one in found["tables"]} == {
        "survey": 3,
        "survey__members": 6,
        "survey__pets": 6,
        "survey__files": 3,
    }
    run_sql(derived.engine, "DROP TABLE survey__pets")
    rows = {one["name"]: one["rows"] for one in as_user("vic").get(f"{FORM}/tables").json()["tables"]}
    assert (rows["survey"], rows["survey__pets"]) == (3, None)
    assert as_user("vic").get("", params={"asset_uid": UID}).status_code == 200


def test_a_mirror_without_derived_tables_shows_its_form_table_alone(as_user: Client, engine: Engine) -> None:
    Writing(engine).pull(submission(1), submission(2))
    html = as_user("vic").get("").text
    assert re.findall(r'data-rows="([^"]+)"', html) == ["kobo_records"]
    assert TEXTS["en"]["kind_declared"] in html
    assert 'id="cells"' not in html
    (table,) = as_user("vic").get(f"api/forms/{ASSET}/tables").json()["tables"]
    assert (table["name"], table["kind"], table["rows"]) == ("kobo_records", "declared", 2)
    assert as_user("vic").get(f"api/forms/{ASSET}/rejected-cells").json() == []


def test_an_empty_form_has_tables_and_no_rejected_cells(as_user: Client, engine: Engine) -> None:
    Applying(engine).apply(survey(MEMBERS))
    html = html_of(as_user)
    assert TEXTS["en"]["cells_none"] in html
    assert {one["rows"] for one in as_user("vic").get(f"{FORM}/tables").json()["tables"]} == {0}
    assert as_user("vic").get(FORM).json()["rejected_columns"] == []


def test_rejected_cells_are_shown_by_column_and_one_by_one(as_user: Client, derived: RowSetWriting) -> None:
    found = as_user("vic").get(FORM).json()
    assert (found["tables"], found["rejected_cells"]) == (4, 2)
    (column,) = found["rejected_columns"]
    assert column == {
        "table": "survey", "column": "years", "path": "years", "label": "Âge", "cells": 2, "submissions": 2,
    }  # fmt: skip
    first, second = as_user("vic").get(f"{FORM}/rejected-cells").json()
    assert (first["kobo_id"], second["kobo_id"], first["kind"]) == (1, 2, "integer")
    assert first["reason"] == "is not a whole number of at most 19 digits"
    html = html_of(as_user)
    assert html.count("<bdi>Âge</bdi>") == 3
    assert TEXTS["en"]["cell_integer"] in html
    assert 'href="https://kobo.test/#/forms/aBcDeFgHiJkLmNoPqRsTuV/data/table" target="_top"' in html


def test_the_light_names_the_column(as_user: Client, derived: RowSetWriting) -> None:
    run_sql(derived.engine, f"UPDATE kobo_forms SET epoch_read = epoch WHERE asset_uid = '{UID}'")
    finished_run(derived.engine)
    proof(derived.engine)
    for table in ("kobo_sync_runs", "kobo_proofs"):
        run_sql(derived.engine, f"UPDATE {table} SET asset_uid = '{UID}'")
    found = as_user("vic").get(FORM).json()
    assert found["light"] == "amber"
    (finding,) = [one for one in found["findings"] if one["key"] == "cells_rejected"]
    assert finding["numbers"] == {"columns": 1, "cells": 2, "rows": 3}
    assert finding["names"] == {"column": "survey.years"}
    said = Words("fr").say("finding_cells_rejected", columns=1, cells=2, rows=3, column="survey.years")
    assert said in html_of(as_user, lang="fr")
    assert "(2 sur 3 lignes)" in said


def test_answers_are_for_those_who_may_see_the_database(as_user: Client, derived: RowSetWriting) -> None:
    for name, may in (("vic", False), ("una", False), ("oli", True), ("ada", True)):
        (cell, _) = as_user(name).get(f"{FORM}/rejected-cells").json()
        assert (cell["kobo_id"], cell["value"]) == (1, SECRET if may else None)
        html = html_of(as_user, name)
        assert (SECRET in html) == may
        assert (TEXTS["en"]["answers_hidden"] in html) == (not may)


def test_a_long_answer_is_cut(as_user: Client, derived: RowSetWriting) -> None:
    put(derived, document(9, age="7", years="x" * 50_000))
    *_, cell = as_user("ada").get(f"{FORM}/rejected-cells").json()
    assert cell["value"] == "x" * 4_000


def test_no_label_and_no_answer_is_ever_markup(as_user: Client, engine: Engine) -> None:
    applying = Applying(engine)
    labelled = [
        {"type": "begin_repeat", "name": "r", "label": [ATTACK]},
        *ask("text", "q"),
        {"type": "end_repeat"},
    ]
    applying.apply(survey([*ask("integer", "years", label=ATTACK), *labelled]))
    put(RowSetWriting(applying), {"_id": 1, "years": ATTACK, "r": [{"r/q": ATTACK}]})
    html = html_of(as_user, "ada")
    assert html.count("&lt;script&gt;alert(1)") == 4
    assert SCRIPT not in html
    assert not [tag for tag, _ in Elements(html).found if tag == "img"]


def test_all_rejected_cells_can_be_reached(as_user: Client, derived: RowSetWriting) -> None:
    put(derived, *(document(i, age="7", years="x") for i in range(10, 130)))
    found: list[int] = []
    query: dict[str, str] = {}
    while True:
        html = html_of(as_user, **query)
        section = html[html.index('id="cells"') :].partition("</section>")[0]
        found += map(int, re.findall(r'<th scope="row"><a [^>]+>(\d+)</a></th>', section))
        if not (after := re.findall(r"cells_after=([0-9a-f-]+)#cells", section)):
            break
        query = {"cells_after": after[0]}
    assert found == [1, 2, *range(10, 130)]
    assert TEXTS["en"]["from_the_start"] in section
    after_them = as_user("vic").get(
        f"{FORM}/rejected-cells", params={"after": query["cells_after"], "limit": 2}
    )
    assert len(after_them.json()) == 2
    far = "9" * 19 + "-" + "f" * 32
    assert as_user("vic").get(f"{FORM}/rejected-cells", params={"after": far}).json() == []
    assert as_user("vic").get(f"{FORM}/rejected-cells", params={"after": "1-2"}).status_code == 422


def test_the_page_of_a_derived_form_is_french(as_user: Client, derived: RowSetWriting) -> None:
    put(derived, *(document(i, age="7", years=["a", "b"]) for i in range(10, 90)))
    html = html_of(as_user, lang="fr")
    assert faults_in(html) == []
    assert TEXTS["fr"]["cell_several"] in html
