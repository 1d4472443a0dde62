"""Which form a database mirrors, and by which tables, as another process finds it."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, update

from kobo_mirror.database.engine import open_engine
from kobo_mirror.errors import SchemaError
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.mirrors import bound_mirrors, load_mirror
from kobo_mirror.store.tables import forms
from tests.support.forms.made import ALONE, ALONE_GROWN, BESIDE, make_tables
from tests.support.submissions import ASSET, MIRROR, SERVER

OTHER = "aOtherForm000000000001"


def test_before_the_first_sync_a_form_has_no_tables(engine: Engine) -> None:
    found = load_mirror(engine, SERVER, ASSET)
    assert found == Mirror(None, SERVER, ASSET)
    assert not found.has_tables
    assert bound_mirrors(engine) == []
    with pytest.raises(ValueError, match="has no tables yet"):
        _ = found.table


def test_a_declared_table_alone_is_found(engine: Engine) -> None:
    bind(engine, MIRROR)
    assert load_mirror(engine, SERVER, ASSET) == MIRROR
    assert bound_mirrors(engine) == [MIRROR]


@pytest.mark.parametrize("schema", [ALONE, BESIDE], ids=["derived", "declared"])
def test_the_tables_that_a_sync_has_made_are_found(engine: Engine, schema: FormSchema) -> None:
    made = make_tables(engine, schema)
    found = load_mirror(engine, SERVER, ASSET)
    assert found == made
    assert (found.table, found.form is None) == (made.table, schema is ALONE)
    assert bound_mirrors(engine) == [made]


def test_tables_that_have_grown_are_found_as_they_are_now(engine: Engine) -> None:
    before = make_tables(engine, ALONE)
    make_tables(engine, ALONE_GROWN)
    found = load_mirror(engine, SERVER, ASSET)
    assert found.schema == ALONE_GROWN
    assert found.schema_fingerprint != before.schema_fingerprint
    assert found.document_key == before.document_key


def test_tables_that_are_not_made_whole_yet_are_none(engine: Engine) -> None:
    make_tables(engine, ALONE)
    with engine.begin() as connection:
        connection.execute(update(forms).values(schema=None, schema_fingerprint=None))
    found = load_mirror(engine, SERVER, ASSET)
    assert not found.has_tables


@pytest.mark.parametrize("schema", [None, ALONE, BESIDE], ids=["alone", "derived", "declared"])
@pytest.mark.parametrize("other", [(SERVER, OTHER), ("https://other.example", ASSET)], ids=["uid", "server"])
def test_the_database_of_another_form_is_refused(
    engine: Engine, schema: FormSchema | None, other: tuple[str, str]
) -> None:
    if schema is None:
        bind(engine, MIRROR)
    else:
        make_tables(engine, schema)
    with pytest.raises(SchemaError) as caught:
        load_mirror(engine, *other)
    table = "survey" if schema is ALONE else "kobo_records"
    assert str(caught.value) == (
        f"The table {table} mirrors form {ASSET} of {SERVER}, not {other[1]} of {other[0]}: set KOBO_URL and "
        "KOBO_ASSET_ID back, or use another database."
    )


def test_a_schema_that_cannot_be_read_is_refused_with_what_to_do(engine: Engine) -> None:
    make_tables(engine, ALONE)
    with engine.begin() as connection:
        connection.execute(update(forms).values(schema='{"tables": 7}'))
    for load in (lambda: load_mirror(engine, SERVER, ASSET), lambda: bound_mirrors(engine)):
        with pytest.raises(SchemaError) as caught:
            load()
        assert f"The schema of form {ASSET} in kobo_forms cannot be read" in str(caught.value)
        assert "use that version, or restore the row" in str(caught.value)


def test_without_our_tables_nothing_is_found(fresh_url: str) -> None:
    engine = open_engine(fresh_url)
    with pytest.raises(SchemaError, match="run `python -m kobo_mirror migrate`"):
        load_mirror(engine, SERVER, ASSET)
    engine.dispose()
