"""Choices in views: a row for each, a column for each where asked for, and what the catalog says."""

from __future__ import annotations

from kobo_mirror.config.view_kinds import WIDE
from kobo_mirror.store.views import bring_up_views
from tests.support.forms.applied import Applying
from tests.support.forms.hostile import LABELS, content, hostile
from tests.support.forms.views_made import claimed, rows, views
from tests.support.tables import run_sql


def test_an_answer_of_blanks_is_no_choice_on_any_database(applying: Applying) -> None:
    engine, schema = applying.engine, hostile(content())
    applying.apply(schema)
    assert bring_up_views(engine, schema, applying.lease) is None
    run_sql(
        engine,
        "INSERT INTO survey (kobo_id, one, many) VALUES (1, '  ', '  '), (2, '', ''), (3, 'a ', ' a  b')",
    )
    found = rows(engine, "SELECT * FROM survey__choices ORDER BY question, position")
    assert [(row["kobo_id"], row["position"], row["choice"]) for row in found] == [
        (3, 1, "a"), (3, 2, "b"), (3, 1, "a "),
    ]  # fmt: skip


def test_a_column_for_each_choice_is_there_only_where_it_is_asked_for(applying: Applying) -> None:
    engine, schema = applying.engine, hostile(content())
    applying.apply(schema)
    assert bring_up_views(engine, schema, applying.lease) is None
    assert not [name for name in views(engine) if "wide" in name]
    assert bring_up_views(engine, schema, applying.lease, [WIDE]) is None
    run_sql(
        engine,
        "INSERT INTO survey (kobo_id, many, hundreds) VALUES (1, ' twin_1  quoted', ''), (2, NULL, 'n299')",
        "INSERT INTO survey__kids (kobo_id, pos, toys) VALUES (1, 1, 'script')",
    )
    first, second = rows(engine, "SELECT * FROM survey__wide ORDER BY kobo_id")
    assert {name for name, cell in first.items() if cell == 1} == {"kobo_id", "many__twin_1", "many__quoted"}
    assert (first["many__twin_2"], first["hundreds__n299"]) == (0, 0)
    assert (second["many__twin_1"], second["hundreds__n299"], second["hundreds__n29"]) == (None, 1, 0)
    (kid,) = rows(engine, "SELECT * FROM survey__kids__wide")
    assert (kid["key"], kid["parent_key"], kid["toys__script"], kid["toys__line"]) == ("1-1", "1", 1, 0)
    assert bring_up_views(engine, schema, applying.lease) is None
    assert not [name for name in (*views(engine), *claimed(engine)) if "wide" in name]


def test_more_choices_than_a_view_has_columns_are_in_a_further_one(applying: Applying) -> None:
    asked = content()
    asked["survey"][3] |= {"type": "select_multiple"}
    schema = hostile(asked)
    applying.apply(schema)
    assert bring_up_views(applying.engine, schema, applying.lease, [WIDE]) is None
    made = {name for name in views(applying.engine) if "wide" in name}
    assert made == {"survey__wide", "survey__wide_2", "survey__wide_3", "survey__kids__wide"}
    run_sql(applying.engine, "INSERT INTO survey (kobo_id, thousands) VALUES (1, 'n1999')")
    (row,) = rows(applying.engine, "SELECT * FROM survey__wide_3")
    assert (row["key"], row["thousands__n1999"], row["thousands__n1998"]) == ("1", 1, 0)


def test_the_catalog_says_what_each_column_of_a_view_shows(applying: Applying) -> None:
    engine, schema = applying.engine, hostile(content())
    applying.apply(schema)
    assert bring_up_views(engine, schema, applying.lease, [WIDE]) is None
    run_sql(engine, "INSERT INTO survey (kobo_id, one) VALUES (1, 'script')")
    told = {
        (row["view_name"], row["column_name"]): tuple(row.values())[3:]
        for row in rows(engine, "SELECT * FROM kobo_view_columns WHERE view_name LIKE 'survey__kids%'")
    }
    assert told["survey__kids__full", "parent_key"] == (2, "parent_key", None, None, None, None, None)
    assert told["survey__kids__full", "toys"][1:4] == ("value", "kids/toys", "select_multiple")
    assert told["survey__kids__wide", "toys__script"][1:] == (
        "choice", "kids/toys", "select_multiple", "odd", "script", LABELS["script"],
    )  # fmt: skip
    listed = rows(
        engine, "SELECT * FROM kobo_view_columns WHERE view_name = 'survey__choices' ORDER BY position"
    )
    assert [row["column_name"] for row in listed] == [
        *rows(engine, "SELECT * FROM survey__choices LIMIT 1")[0]
    ]
    assert bring_up_views(engine, schema, applying.lease) is None
    assert rows(engine, "SELECT * FROM kobo_view_columns WHERE view_name = 'survey__kids__wide'") == []
