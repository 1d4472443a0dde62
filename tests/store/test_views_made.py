"""Views are made, and made anew, whatever labels say and others do; what is refused fails nothing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep

import pytest
from sqlalchemy import Engine, text

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.schema import VERSION_TABLE, migrate
from kobo_mirror.store.views import bring_up_views
from tests.support.forms.applied import Applying
from tests.support.forms.hostile import LABELS, LONG, content, hostile
from tests.support.forms.surveys import V1, V2, ask, repeat, survey
from tests.support.forms.views_made import again, claimed, made, rows, state, views
from tests.support.tables import run_sql

FULL = {"survey__full", "survey__members__full"}


@pytest.fixture
def on_file(tmp_path: Path) -> Iterator[Applying]:
    engine = open_engine(f"sqlite:///{tmp_path / 'mirror.db'}")
    migrate(engine, KOBO_RECORDS)
    yield Applying(engine)
    engine.dispose()


def test_labels_of_any_kind_come_back_as_they_are(applying: Applying) -> None:
    engine, schema = applying.engine, hostile(content())
    applying.apply(schema)
    assert bring_up_views(engine, schema, applying.lease) is None
    for number, name in enumerate([*LABELS, "twin_1", "unknown"]):
        answer = f"unknown  {name} twin_2"
        run_sql(
            engine,
            "INSERT INTO survey (kobo_id, one, many, hundreds, thousands) "
            f"VALUES ({number}, '{name}', '{answer}', 'n299 n5  n0', 'n{number * 700}')",
            f"INSERT INTO survey__kids (kobo_id, pos, toys) VALUES ({number}, 1, '{answer}')",
        )
    run_sql(engine, "INSERT INTO survey (kobo_id, many) VALUES (99, '')")
    told = {name: label.encode("utf-16", "surrogatepass").decode("utf-16") for name, label in LABELS.items()}
    told |= {"twin_1": "Same [twin_1]", "unknown": "unknown"}
    for number, label in enumerate(told.values()):
        (row,) = rows(engine, f"SELECT * FROM survey__en WHERE kobo_id = {number}")
        joined = f"unknown; {label}; Same [twin_2]"
        assert (row["one"], row["many"]) == (label, joined)
        assert row["hundreds"] == "Number 299; Number 5; Number 0"
        assert row["thousands"] == (f"Number {number * 700}" if number * 700 < LONG else f"n{number * 700}")
    (kid,) = rows(engine, "SELECT * FROM survey__kids__ar WHERE kobo_id = 2")
    assert kid["toys"] == f"unknown; ع {told['script']}; ع Same [twin_2]"
    (amharic,) = rows(engine, f"SELECT * FROM survey__አማርኛ WHERE kobo_id = {len(LABELS)}")
    assert (amharic["one"], amharic["hundreds"]) == ("Same [twin_1]", "ቁጥር 299; ቁጥር 5; ቁጥር 0")
    empty = rows(engine, "SELECT one, many, hundreds FROM survey__en WHERE kobo_id = 99")
    assert empty == [{"one": None, "many": "", "hundreds": None}]


def test_another_label_is_another_view_and_the_same_ones_are_not_made_again(applying: Applying) -> None:
    engine, first = applying.engine, hostile(content())
    applying.apply(first)
    bring_up_views(engine, first, applying.lease)
    run_sql(engine, "INSERT INTO survey (kobo_id, one) VALUES (1, 'script')")
    before = applying.catalog()
    assert bring_up_views(engine, first, applying.lease) is None
    assert applying.catalog() == before
    changed = hostile(content(), content({"script": "Harmless"}))
    applying.apply(changed)
    assert state(engine) == ("", True)
    assert bring_up_views(engine, changed, applying.lease) is None
    assert state(engine) == ("", False)
    assert [row["one"] for row in rows(engine, "SELECT one FROM survey__en")] == ["Harmless"]


@pytest.mark.parametrize(
    "statements",
    [
        ["DROP VIEW survey__full"],
        ["DROP VIEW survey__full", "CREATE VIEW survey__full AS SELECT kobo_id FROM survey"],
        ["DROP VIEW survey__full", "CREATE VIEW survey__full AS SELECT * FROM survey WHERE kobo_id > 1"],
        ["DELETE FROM kobo_tables WHERE kind = 'view'"],
        ["DELETE FROM kobo_tables"],
        ["DELETE FROM kobo_view_columns WHERE column_name = 'name'"],
        ["UPDATE kobo_tables SET parent_table = 'other' WHERE table_name = 'survey__full'"],
        ["UPDATE kobo_forms SET views_fingerprint = NULL"],
    ],
)
def test_what_was_changed_by_hand_is_made_again(applying: Applying, statements: list[str]) -> None:
    engine = applying.engine
    assert made(applying, V1) is None
    before = applying.catalog()
    run_sql(engine, *statements, "INSERT INTO survey (kobo_id, name) VALUES (1, 'Ann')")
    assert applying.schema
    applying.apply(applying.schema)
    assert again(applying) is None
    assert (views(engine), applying.catalog()) == (FULL, before)
    assert [row["name"] for row in rows(engine, "SELECT name FROM survey__full")] == ["Ann"]
    assert state(engine) == ("", False)


def test_a_table_that_was_dropped_and_made_again_is_in_its_views(applying: Applying) -> None:
    made(applying, V1)
    run_sql(applying.engine, "DROP TABLE survey__members")
    assert made(applying, V1) is None
    assert rows(applying.engine, "SELECT * FROM survey__members__full") == []


@pytest.mark.parametrize("kind", ["TABLE survey__full (x INTEGER)", "VIEW survey__full AS SELECT 1 AS x"])
def test_what_another_program_has_is_left_to_it(applying: Applying, kind: str) -> None:
    engine = applying.engine
    run_sql(engine, f"CREATE {kind}")
    try:
        refused = made(applying, V1)
        assert refused is not None
        assert "cannot have the view survey__full: survey__full is in the database and is none of" in refused
        assert state(engine) == (refused, True)
        assert rows(engine, "SELECT x FROM survey__full") == ([{"x": 1}] if "VIEW" in kind else [])
        assert "survey__members__full" in views(engine)
        assert claimed(engine) == {"survey__members__full"}
    finally:
        run_sql(engine, f"DROP {kind.split(maxsplit=1)[0]} survey__full")
    assert again(applying) is None
    assert views(engine) == claimed(engine) == FULL


def test_a_table_that_took_the_place_of_a_view_is_left_alone(applying: Applying) -> None:
    engine = applying.engine
    made(applying, V1)
    run_sql(engine, "DROP VIEW survey__full", "CREATE TABLE survey__full (x INTEGER)")
    try:
        assert "cannot have the view survey__full" in str(again(applying))
    finally:
        run_sql(engine, "DROP TABLE survey__full")
    assert again(applying) is None
    assert views(engine) == claimed(engine) == FULL


def test_a_repeat_that_is_named_like_a_view_gets_the_name(applying: Applying) -> None:
    engine = applying.engine
    labelled = ask("text", "name", label="Name")
    assert made(applying, labelled) is None
    assert views(engine) == {"survey__full", "survey__default"}
    assert made(applying, labelled, [*labelled, *repeat("default", ask("text", "who"))]) is None
    assert not is_view(engine, "survey__default")
    (other,) = views(engine) - {"survey__full", "survey__default__full", "survey__default__default"}
    assert other.endswith("__default")
    assert views(engine) == claimed(engine)


def is_view(engine: Engine, name: str) -> bool:
    return name in views(engine)


def test_no_other_form_takes_the_name_of_a_view(applying: Applying) -> None:
    made(applying, V1)
    other = Applying(applying.engine, "aAnotherForm0000000001")
    run_sql(applying.engine, "DROP VIEW survey__full")  # it stays claimed
    schema = survey(repeat("x", ask("text", "y")), uid=other.asset_uid, name="survey")
    renamed = schema.to_json().replace(b'"survey__x"', b'"survey__full"')
    with pytest.raises(Exception, match="cannot have the table survey"):
        other.apply(type(schema).from_json(renamed))


def test_a_column_that_is_not_asked_any_more_stays_and_a_view_goes_with_its_language(
    applying: Applying,
) -> None:
    made(applying, V1)
    assert made(applying, V1, V2) is None
    assert views(applying.engine) == claimed(applying.engine) == FULL | {"survey__pets__full"}


def test_a_view_that_cannot_be_read_is_not_left_there(on_file: Applying) -> None:
    """SQLite shows 2,000 columns at most; servers take as many as tables have."""
    applying = on_file
    wide = [row for number in range(2_100) for row in ask("text", f"q{number}")]
    refused = made(applying, wide)
    assert refused is not None
    assert "The view survey__full could not be made or changed" in refused
    assert (views(applying.engine), state(applying.engine)[0]) == (set(), refused)


def test_who_reads_a_view_is_never_blocked_for_long_and_is_waited_for(on_server: Applying) -> None:
    applying, engine = on_server, on_server.engine
    made(applying, V1)
    waited: list[float] = []
    with engine.connect() as reader, ThreadPoolExecutor(1) as pool:
        reader.execute(text("SELECT * FROM survey__full")).all()  # held until its transaction ends
        changing = pool.submit(made, applying, V1, V2)
        while not changing.done():
            started = monotonic()
            rows(engine, "SELECT * FROM survey__full")
            waited.append(monotonic() - started)
            sleep(0.02)
        refused = changing.result()
    assert max(waited) < 1.5, waited  # a second, and what a busy machine adds
    assert rows(
        engine, "SELECT * FROM kobo_view_columns WHERE view_name = 'survey__full'"
    )  # it is there still
    assert "is in use by a transaction that stays open" in str(refused)
    assert state(engine) == (refused, True)
    assert again(applying) is None


def test_broken_views_of_ours_keep_no_migration_from_renaming(on_file: Applying) -> None:
    """SQLite renames no column while a view is broken."""
    applying, engine = on_file, on_file.engine
    made(applying, V1)
    run_sql(
        engine,
        "ALTER TABLE kobo_submissions RENAME COLUMN document_digest TO digest",
        f"UPDATE {VERSION_TABLE} SET version_num = '0008'",
        "DROP TABLE survey__members",
    )
    migrate(engine, KOBO_RECORDS)
    assert (views(engine), state(engine)) == (set(), ("", True))
    assert made(applying, V1) is None
    assert views(engine) == claimed(engine) == FULL
