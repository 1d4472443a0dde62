"""What was changed by hand in a form's tables: a sync restores what it can, and verify names the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect

from kobo_mirror.cli.status import status
from kobo_mirror.database.ddl import lacks_trigger
from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.database.engine import reading
from kobo_mirror.errors import SchemaError
from kobo_mirror.store.form_tables import root_table
from simulator.process import SimulatorProcess
from tests.simulator.any_forms import content, row
from tests.support.forms.any_mirror import AnyMirror, any_mirror, form_file, uid_of
from tests.support.tables import drop_views_of_file, run_sql

HOUSEHOLD = content(
    row("text", "village"), row("begin_repeat", "members"), row("text", "who"), row("end_repeat")
)


@pytest.fixture
def mirror(tmp_path: Path, database_url: str) -> Iterator[AnyMirror]:
    with (
        SimulatorProcess(form=[form_file(tmp_path, "household", HOUSEHOLD)]) as simulator,
        any_mirror(simulator, uid_of("household"), database_url) as made,
    ):
        made.sync()
        yield made


def test_an_index_and_a_trigger_that_were_dropped_are_made_again_by_any_sync(mirror: AnyMirror) -> None:
    is_file = mirror.engine.dialect.name == "sqlite"
    run_sql(mirror.engine, f"DROP INDEX ix_household_updated_at{'' if is_file else ' ON household'}")
    with pytest.raises(SchemaError, match="household: it lacks an index; the next sync restores it"):
        mirror.verify()
    if is_file:
        run_sql(mirror.engine, "DROP TRIGGER household_updated_at")
        with pytest.raises(SchemaError, match="household: it lacks its trigger; the next sync restores it"):
            mirror.verify()
    mirror.sync()
    assert [one["name"] for one in inspect(mirror.engine).get_indexes("household")] == [
        "ix_household_updated_at"
    ]
    schema = mirror.mirror.schema
    assert schema
    with reading(mirror.engine) as connection:
        there = dialect_of(connection).stored_tables(connection)["household"]
        assert not lacks_trigger(connection, root_table(schema), there)
    assert mirror.verify().equal


def test_a_column_of_another_type_is_named_with_what_mends_it(mirror: AnyMirror) -> None:
    table = "household__members"
    drop_views_of_file(mirror.engine)
    run_sql(mirror.engine, f"ALTER TABLE {table} DROP COLUMN who", f"ALTER TABLE {table} ADD who BIGINT")
    with pytest.raises(SchemaError) as raised:
        mirror.verify()
    said = str(raised.value)
    assert "were changed by hand. household__members.who: it has another type or collation; " in said
    statement = said.partition("collation; ")[2].partition("; then sync")[0]
    mirror.sync()  # the views are there again
    shown = " ".join(mirror.command("status")[1].split())
    assert ("Columns were changed by hand" in shown, statement in shown) == (True, True)
    run_sql(mirror.engine, *statement.split("; "))
    mirror.sync()
    assert "Columns were changed by hand" not in mirror.command("status")[1]
    assert mirror.found() == mirror.wanted()
    assert mirror.verify().equal


def test_a_column_of_others_is_told_before_a_version_needs_its_name(mirror: AnyMirror) -> None:
    run_sql(mirror.engine, "ALTER TABLE household ADD region INTEGER", "UPDATE household SET region = 7")
    assert mirror.verify().equal
    mirror.control.deploy(content(*HOUSEHOLD["survey"], row("text", "region")))
    mirror.control.create(2, region="north")
    told = "household.region is in the database and is none of ours; rename or drop that one"
    assert told in mirror.command("plan")[1]
    assert told in mirror.command("sync")[1]
    assert status(mirror.engine)["light"] == "amber"
    assert mirror.found() == mirror.wanted()
    run_sql(mirror.engine, "ALTER TABLE household RENAME COLUMN region TO ours")
    mirror.sync()
    assert mirror.found() == mirror.wanted()
    assert mirror.verify().equal
    assert status(mirror.engine)["light"] == "green"


def test_a_column_that_is_spelt_otherwise_is_named_with_what_mends_it(mirror: AnyMirror) -> None:
    schema = mirror.mirror.schema
    assert schema
    name = next(column.name for column in schema.root.columns if column.path)
    run_sql(mirror.engine, f"ALTER TABLE household RENAME COLUMN {name} TO {name.upper()}")
    code, _, errors = mirror.command("sync")
    assert code == 1
    assert f"household.{name.upper()} is in the database and is none of ours" in errors
    with pytest.raises(SchemaError, match="RENAME COLUMN") as caught:
        mirror.verify()
    remedy = str(caught.value).partition("it is spelt otherwise; ")[2]
    run_sql(mirror.engine, remedy.partition(". Then verify")[0])
    mirror.sync()
    assert mirror.found() == mirror.wanted()
    assert mirror.verify().equal


def test_plan_takes_no_table_in_force_for_that_of_others(mirror: AnyMirror) -> None:
    run_sql(mirror.engine, "DELETE FROM kobo_tables")
    assert "is none of ours" not in mirror.command("plan")[1]
    mirror.sync()
    assert mirror.verify().equal


def test_a_view_that_was_dropped_is_told_until_a_sync_that_finds_nothing_new(mirror: AnyMirror) -> None:
    run_sql(mirror.engine, "DROP VIEW household__full")
    with pytest.raises(SchemaError, match=r"dropped or changed by hand, .* \(household__full\): run"):
        mirror.verify()
    assert "makes them anew: household__full." in " ".join(mirror.command("status")[1].split())
    assert mirror.sync()["updated"] == 0
    assert "Views were dropped" not in mirror.command("status")[1]
    assert mirror.verify().equal
