"""Labels in views: characters of any kind, and all languages in the view of choices."""

from __future__ import annotations

import pytest

from kobo_mirror.store.views import bring_up_views
from tests.support.forms.applied import Applying
from tests.support.forms.hostile import content, hostile
from tests.support.forms.views_made import rows
from tests.support.tables import run_sql

CONTROLS = "".join(map(chr, (*range(1, 32), *range(127, 160))))
FURTHER = {"controls": f"a{CONTROLS}b", "marks": "\ue000\ue001\ufdd0\U000f0000"}


def test_a_label_keeps_control_characters_on_any_database(applying: Applying) -> None:
    engine, schema = applying.engine, hostile(content(FURTHER))
    applying.apply(schema)
    assert bring_up_views(engine, schema, applying.lease) is None
    run_sql(engine, "INSERT INTO survey (kobo_id, one, many) VALUES (1, 'controls', 'marks controls other')")
    (row,) = rows(engine, "SELECT one, many FROM survey__en")
    assert row["one"] == FURTHER["controls"]
    assert row["many"] == f"{FURTHER['marks']}; {FURTHER['controls']}; other"
    found = rows(engine, "SELECT choice, label FROM survey__choices WHERE question = 'many'")
    assert {row["choice"]: row["label"] for row in found} == {**FURTHER, "other": "other"}


def test_the_view_of_choices_has_a_label_in_each_language(applying: Applying) -> None:
    """As the views of the languages have it: the first language's where it lacks one, names where all do."""
    engine, schema = applying.engine, hostile(content())
    applying.apply(schema)
    assert bring_up_views(engine, schema, applying.lease) is None
    run_sql(
        engine,
        "INSERT INTO survey (kobo_id, one, many) VALUES (1, 'twin_1', 'percent other')",
        "INSERT INTO survey__kids (kobo_id, pos, toys) VALUES (1, 1, 'twin_2')",
    )
    found = rows(engine, "SELECT * FROM survey__choices")
    assert all(row["label"] == row["label_en"] for row in found)
    told = {(row["question"], row["choice"]): (row["label_en"], row["label_ar"]) for row in found}
    percent = "100 %s %(x)s :name ? {} {0}"
    assert told == {
        ("one", "twin_1"): ("Same [twin_1]", "ع Same [twin_1]"),
        ("many", "percent"): (percent, f"ع {percent}"),
        ("many", "other"): ("other", "other"),
        ("kids/toys", "twin_2"): ("Same [twin_2]", "ع Same [twin_2]"),
    }
    assert {row["label_አማርኛ"] for row in found} == {row["label_en"] for row in found}
    listed = rows(
        engine, "SELECT column_name, facet FROM kobo_view_columns WHERE view_name = 'survey__choices'"
    )
    labels = {row["column_name"] for row in listed if row["facet"] == "label"}
    assert labels == {"label", "label_en", "label_ar", "label_አማርኛ"}


def test_labels_too_many_for_a_statement_are_those_of_the_first_language(
    applying: Applying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kobo_mirror.views.definitions._MOST_LABELS", 5_000)
    engine, schema = applying.engine, hostile(content())
    applying.apply(schema)
    assert bring_up_views(engine, schema, applying.lease) is None
    run_sql(engine, "INSERT INTO survey (kobo_id, one) VALUES (1, 'twin_1')")
    (row,) = rows(engine, "SELECT * FROM survey__choices")
    assert (row["label"], [name for name in row if name.startswith("label_")]) == ("Same [twin_1]", [])
