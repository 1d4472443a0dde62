"""A writer holds the form's row: what it would write by tables that have changed since is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Engine, update

from kobo_mirror.errors import SchemaError
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.bindings import NotBoundError, ReshapedError, is_shaped_otherwise
from kobo_mirror.store.form_locks import hold_form
from kobo_mirror.store.tables import forms, submissions
from kobo_mirror.store.writer import Writer
from tests.support.forms.made import (
    ALONE,
    ALONE_GROWN,
    BESIDE,
    BESIDE_GROWN,
    make_tables,
)
from tests.support.forms.row_set_writing import messages
from tests.support.submissions import SERVER, body, submission
from tests.support.tables import ledger, rows_of

GROWN = pytest.mark.parametrize(
    "grown", [(ALONE, ALONE_GROWN), (BESIDE, BESIDE_GROWN)], ids=["derived", "declared"]
)


def is_held(engine: Engine, mirror: Mirror) -> bool:
    """True if a writer may write by these tables; the error is another one otherwise."""
    with engine.begin() as connection:
        try:
            hold_form(connection, mirror)
        except ReshapedError:
            assert is_shaped_otherwise(connection, mirror)
            return False
        assert not is_shaped_otherwise(connection, mirror)
        return True


@GROWN
def test_only_by_the_tables_that_are_there_is_a_form_held(
    engine: Engine, grown: tuple[FormSchema, FormSchema]
) -> None:
    old = make_tables(engine, grown[0])
    assert is_held(engine, old)
    assert not is_held(engine, replace(old, schema=grown[1])), "not made yet"
    new = make_tables(engine, grown[1])
    assert (is_held(engine, new), is_held(engine, old)) == (True, False)
    with engine.begin() as connection:
        connection.execute(update(forms).values(schema_fingerprint=None))
    assert not is_held(engine, new)


def test_a_declared_table_that_has_got_others_beside_it_is_not_held_alone(engine: Engine) -> None:
    mirror = make_tables(engine, BESIDE)
    assert not is_held(engine, replace(mirror, schema=None))


def test_another_declaration_is_told_before_the_schema(engine: Engine) -> None:
    mirror = make_tables(engine, BESIDE)
    with engine.begin() as connection:
        connection.execute(update(forms).values(fingerprint=b"another of these", schema_fingerprint=None))
    with engine.begin() as connection, pytest.raises(SchemaError, match="are declared otherwise") as caught:
        hold_form(connection, mirror)
    assert not isinstance(caught.value, ReshapedError)


def test_what_is_not_bound_is_not_shaped_otherwise(engine: Engine) -> None:
    mirror = Mirror(None, SERVER, ALONE.asset_uid, ALONE)
    with engine.begin() as connection:
        assert not is_shaped_otherwise(connection, mirror)
        with pytest.raises(NotBoundError):
            hold_form(connection, mirror)


@GROWN
def test_a_delivery_that_is_supposed_new_is_refused_by_tables_of_another_age(
    server_engine: Engine, grown: tuple[FormSchema, FormSchema]
) -> None:
    """Its one message reads nothing before it writes: the database itself refuses it."""
    writer = Writer(server_engine, make_tables(server_engine, grown[0]))
    with messages(server_engine) as sent:
        assert writer.push(body(submission(1, __version__=None))).result == "inserted"
    assert len(sent) == 1
    new = Writer(server_engine, make_tables(server_engine, grown[1]))
    before = ledger(server_engine)
    for _ in range(2):
        with pytest.raises(ReshapedError):
            writer.push(body(submission(2)))
    assert ledger(server_engine) == before
    assert new.push(body(submission(2))).result == "inserted"
    assert set(ledger(server_engine)) == {1, 2}


def test_a_delivery_is_refused_by_a_form_that_was_forgotten(engine: Engine) -> None:
    writer = Writer(engine, make_tables(engine, ALONE))
    with engine.begin() as connection:
        connection.execute(forms.delete())
    with pytest.raises(NotBoundError):
        writer.push(body(submission(1)))
    assert rows_of(engine, submissions) == []
