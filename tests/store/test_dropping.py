"""A form that a person drops is gone, whole, wherever the process was killed that began it."""

from __future__ import annotations

from itertools import count

import pytest
from sqlalchemy import Engine, inspect, select

from kobo_mirror.database.engine import open_engine
from kobo_mirror.errors import LeaseError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.store.codes import code_for
from kobo_mirror.store.dropping import drop_form
from kobo_mirror.store.form_tables import physical_tables
from kobo_mirror.store.leases import take_lease
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import metadata
from kobo_mirror.store.views import bring_up_views
from tests.support.crashes import Crash, CrashPoint
from tests.support.forms.made import ALONE, BESIDE, make_tables
from tests.support.submissions import ASSET, submission
from tests.support.tables import drop_views_of_file, run_sql
from tests.support.writing import Writing

BOTH = pytest.mark.parametrize("schema", [ALONE, BESIDE], ids=["derived", "declared"])


def fill(engine: Engine, schema: FormSchema) -> None:
    migrate(engine, KOBO_RECORDS)
    writing = Writing(engine, mirror=make_tables(engine, schema))
    for kobo_id in range(1, 6):
        writing.pull(submission(kobo_id))
    writing.remove(2)
    assert bring_up_views(engine, schema, writing.lease) is None
    assert inspect(engine).get_view_names()
    with engine.begin() as connection:
        code_for(connection, ASSET, [1, 3])


def left(engine: Engine, schema: FormSchema) -> dict[str, int]:
    """The tables of the form, and rows of ours that are left of it."""
    own = "kobo_records" if schema.declared else "survey"
    there = {name: 0 for name in inspect(engine).get_table_names() if name.startswith(own)}
    there |= {name: 0 for name in inspect(engine).get_view_names() if name.startswith(own)}
    with engine.connect() as connection:
        rows = {t.name: len(connection.execute(select(t)).all()) for t in metadata.sorted_tables}
    return there | {name: number for name, number in rows.items() if number}


def take_away_lease(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(metadata.tables["kobo_leases"].delete())


@BOTH
def test_nothing_of_it_is_left(engine: Engine, schema: FormSchema) -> None:
    fill(engine, schema)
    assert {"kobo_submissions", "kobo_code_ids", "kobo_tallies", "kobo_columns"} <= left(
        engine, schema
    ).keys()
    with pytest.raises(LeaseError):
        drop_form(engine, ASSET)
    take_lease(engine, ASSET, "test")
    take_away_lease(engine)
    dropped, stays = drop_form(engine, ASSET)
    assert stays == []
    assert len(dropped) == 5 if schema.declared else 4
    assert dropped[-1] == ("kobo_records" if schema.declared else "survey")
    assert left(engine, schema) == {"kobo_dropped_forms": 1}
    assert drop_form(engine, ASSET) == ([], [])


@BOTH
@pytest.mark.parametrize("most", [1, 5], ids=["one", "nearly all"])
def test_tables_go_that_lost_columns_or_got_others_by_hand(
    engine: Engine, schema: FormSchema, most: int
) -> None:
    fill(engine, schema)
    drop_views_of_file(engine)
    if engine.dialect.name == "sqlite":
        run_sql(engine, f"DROP TRIGGER {schema.root.name}_updated_at")
    for table in physical_tables(schema).sorted_tables:
        lost = [one.name for one in table.columns if not one.primary_key and one.name != "updated_at"][-most:]
        run_sql(engine, *(f"ALTER TABLE {table.name} DROP COLUMN {name}" for name in lost))
        if most == 1:
            run_sql(engine, f"ALTER TABLE {table.name} ADD COLUMN a_note INTEGER")
    take_away_lease(engine)
    assert drop_form(engine, ASSET).left == []
    assert left(engine, schema) == {"kobo_dropped_forms": 1}


@BOTH
@pytest.mark.parametrize(
    "made",
    [
        "TABLE {} (note INTEGER)",
        "TABLE {} (kobo_id INTEGER, uid INTEGER, note INTEGER)",
        "VIEW {} AS SELECT form_key AS kobo_id, form_key AS uid FROM kobo_dropped_forms",
    ],
)
def test_what_another_program_has_in_the_place_of_ours_is_left_and_named(
    engine: Engine, schema: FormSchema, made: str
) -> None:
    fill(engine, schema)
    drop_views_of_file(engine)
    files = f"{schema.root.name.removesuffix('__rest')}__files"
    run_sql(engine, f"DROP TABLE {files}", f"CREATE {made.format(files)}")
    take_away_lease(engine)
    assert drop_form(engine, ASSET).left == [files]
    assert left(engine, schema) == {"kobo_dropped_forms": 1, files: 0}


@pytest.mark.long
@BOTH
def test_a_process_that_is_killed_is_followed_by_one_that_ends_it(engine: Engine, schema: FormSchema) -> None:
    for statements in count(3, 4):
        fill(engine, schema)
        take_away_lease(engine)
        killed = open_engine(engine.url)
        try:
            with CrashPoint(killed).crash_after(statements):
                drop_form(killed, ASSET)
        except Crash:
            drop_form(engine, ASSET)
        else:
            break
        finally:
            killed.dispose()
        assert left(engine, schema) == {"kobo_dropped_forms": 1}
    assert statements > 20
