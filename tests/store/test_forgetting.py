"""A form that was named by mistake makes way for another one; one with submissions never does."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Engine, inspect

from kobo_mirror.database.engine import open_engine
from kobo_mirror.errors import SchemaError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store import catalog_tables
from kobo_mirror.store.applying import NamedForm, apply_schema
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.forgetting import forget_empty_form, require_free
from kobo_mirror.store.kept_versions import FormVersion, keep_versions
from kobo_mirror.store.leases import take_lease
from kobo_mirror.store.mirrors import load_mirror
from kobo_mirror.store.tables import forms
from kobo_mirror.store.views import bring_up_views
from tests.support.crashes import Crash, CrashPoint
from tests.support.forms.made import (
    ALONE,
    ALONE_GROWN,
    BESIDE,
    BESIDE_GROWN,
    make_tables,
)
from tests.support.forms.members import MEMBERS
from tests.support.forms.surveys import survey
from tests.support.submissions import ASSET, MIRROR, SERVER, submission
from tests.support.tables import rows_of, run_sql
from tests.support.writing import Writing

OTHER = "aOtherForm000000000001"
WANTED = survey(MEMBERS, uid=OTHER)
"""The tables of the form that was meant, which would have the names of those of the first."""
BOTH = pytest.mark.parametrize("schema", [ALONE, BESIDE], ids=["derived", "declared"])
_OF_A_FORM = (
    forms,
    catalog_tables.tables,
    catalog_tables.columns,
    catalog_tables.choices,
    catalog_tables.form_versions,
)


def derived(engine: Engine) -> set[str]:
    """The names of the derived tables that the database has, and of their views."""
    there = (*inspect(engine).get_table_names(), *inspect(engine).get_view_names())
    return {name for name in there if name.startswith(("survey", "kobo_records__"))}


def told(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """All that binding and catalog say."""
    return {table.name: [dict(row) for row in rows_of(engine, table)] for table in _OF_A_FORM}


def made(engine: Engine, schema: FormSchema) -> Mirror:
    """Make the tables of the form that was named by mistake, and keep a version of it."""
    mirror = make_tables(engine, schema)
    assert bring_up_views(engine, schema, take_lease(engine, ASSET, "test")) is None
    with engine.begin() as connection:
        keep_versions(connection, ASSET, [FormVersion("v1", None, None, b"{}")])
    return mirror


@BOTH
def test_a_form_of_which_nothing_was_stored_makes_way(engine: Engine, schema: FormSchema) -> None:
    made(engine, schema)
    assert derived(engine)
    require_free(engine, SERVER, OTHER)
    assert derived(engine), "to ask changes nothing"
    forget_empty_form(engine, SERVER, OTHER)
    assert derived(engine) == set()
    assert {name: rows for name, rows in told(engine).items() if rows} == {}
    assert inspect(engine).has_table("kobo_records"), "it is part of each database"
    theirs = make_tables(engine, WANTED)
    assert load_mirror(engine, SERVER, OTHER) == theirs
    assert derived(engine) == {"survey", "survey__members", "survey__pets", "survey__files"}


def test_a_declared_table_alone_makes_way_with_its_empty_table(engine: Engine) -> None:
    bind(engine, MIRROR)
    forget_empty_form(engine, SERVER, OTHER)
    assert rows_of(engine, forms) == []
    assert inspect(engine).has_table("kobo_records")
    bind(engine, Mirror(MIRROR.form, SERVER, OTHER))


@BOTH
def test_the_form_itself_is_never_forgotten(engine: Engine, schema: FormSchema) -> None:
    made(engine, schema)
    before, tables = told(engine), derived(engine)
    require_free(engine, SERVER, ASSET)
    forget_empty_form(engine, SERVER, ASSET)
    assert (told(engine), derived(engine)) == (before, tables)


def test_where_nothing_is_mirrored_there_is_nothing_to_forget(engine: Engine) -> None:
    require_free(engine, SERVER, OTHER)
    forget_empty_form(engine, SERVER, OTHER)
    assert rows_of(engine, forms) == []


def a_row(writing: Writing) -> None:
    writing.pull(submission(7))


def a_rejection(writing: Writing) -> None:
    why = {"_submission_time": None} if writing.mirror.form else {"name": "x" * 2**24}
    writing.pull(submission(7, **why))


def a_tombstone(writing: Writing) -> None:
    a_row(writing)
    writing.remove(7)


@BOTH
@pytest.mark.parametrize("store", [a_row, a_rejection, a_tombstone])
def test_a_form_of_which_anything_was_stored_is_refused(
    engine: Engine, schema: FormSchema, store: Callable[[Writing], None]
) -> None:
    store(Writing(engine, mirror=made(engine, schema)))
    assert not (store is a_rejection and rows_of(engine, catalog_tables.rejected_cells))
    before, tables = told(engine), derived(engine)
    for uid, server in ((OTHER, SERVER), (ASSET, "https://other.example")):
        for ask in (require_free, forget_empty_form):
            with pytest.raises(SchemaError, match=f"mirrors form {ASSET} of {SERVER}, not {uid} of {server}"):
                ask(engine, server, uid)
    assert (told(engine), derived(engine)) == (before, tables)


def test_a_row_of_a_declared_table_alone_is_refused(engine: Engine) -> None:
    a_row(Writing(engine))
    with pytest.raises(SchemaError, match="mirrors form"):
        forget_empty_form(engine, SERVER, OTHER)
    assert len(rows_of(engine, forms)) == 1


@BOTH
def test_a_table_that_another_program_has_made_since_stays(engine: Engine, schema: FormSchema) -> None:
    made(engine, schema)
    files = f"{schema.root.name.removesuffix('__rest')}__files"
    for columns in ("note INTEGER", "kobo_id INTEGER, note INTEGER"):
        run_sql(engine, f"DROP TABLE {files}", f"CREATE TABLE {files} ({columns})")
    forget_empty_form(engine, SERVER, OTHER)
    assert derived(engine) == {files}


def test_a_table_whose_name_the_catalog_does_not_give_to_the_form_stays(engine: Engine) -> None:
    made(engine, ALONE)
    run_sql(engine, "DELETE FROM kobo_tables WHERE table_name = 'survey'")
    forget_empty_form(engine, SERVER, OTHER)
    assert derived(engine) == {"survey"}


def test_a_table_that_somebody_has_filled_stays(engine: Engine) -> None:
    made(engine, ALONE)
    run_sql(engine, "INSERT INTO survey (kobo_id) VALUES (1)")
    forget_empty_form(engine, SERVER, OTHER)
    assert derived(engine) == {"survey"}


@pytest.mark.long
@pytest.mark.parametrize("grown", [(ALONE, ALONE_GROWN), (BESIDE, BESIDE_GROWN)], ids=["derived", "declared"])
@pytest.mark.parametrize("is_new", [True, False])
def test_tables_that_are_half_made_go_too(
    engine: Engine, grown: tuple[FormSchema, FormSchema], *, is_new: bool
) -> None:
    """Wherever the process was killed that made them, or let them grow."""
    old, new = grown
    for statements in (4, 12, 20):
        if new.declared:
            bind(engine, MIRROR)
        if not is_new:
            make_tables(engine, old)
        lease = take_lease(engine, ASSET, "test")
        making = open_engine(engine.url, several=True)
        with pytest.raises(Crash), CrashPoint(making).crash_after(statements):
            for _ in range(3):
                apply_schema(making, new, NamedForm(SERVER, "Survey"), lease)
        making.dispose()
        forget_empty_form(engine, SERVER, OTHER)
        assert derived(engine) == set()
        assert {name: rows for name, rows in told(engine).items() if rows} == {}


@pytest.mark.long
@BOTH
def test_a_process_that_is_killed_while_it_forgets_is_followed_by_one_that_ends_it(
    engine: Engine, schema: FormSchema
) -> None:
    for statements in count(2, 5):
        made(engine, schema)
        killed = open_engine(engine.url, several=True)
        try:
            with CrashPoint(killed).crash_after(statements):
                forget_empty_form(killed, SERVER, OTHER)
        except Crash:
            forget_empty_form(engine, SERVER, OTHER)
        else:
            break
        finally:
            killed.dispose()
        assert derived(engine) == set()
        assert {name: rows for name, rows in told(engine).items() if rows} == {}
    assert statements > 10
    assert load_mirror(engine, SERVER, OTHER) == Mirror(None, SERVER, OTHER)
    make_tables(engine, survey(MEMBERS, uid=OTHER, form=KOBO_RECORDS))


@BOTH
def test_a_form_that_was_half_forgotten_can_be_synced_after_all(engine: Engine, schema: FormSchema) -> None:
    for statements in (4, 11):
        mirror = made(engine, schema)
        killed = open_engine(engine.url, several=True)
        with pytest.raises(Crash), CrashPoint(killed).crash_after(statements):
            forget_empty_form(killed, SERVER, OTHER)
        killed.dispose()
        assert make_tables(engine, schema) == load_mirror(engine, SERVER, ASSET) == mirror
        assert len([name for name in derived(engine) if not name.endswith("__full")]) == 4
