"""Deliveries that the next sync is to ask for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from kobo_mirror.errors import SchemaError
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.batches import PushResult
from kobo_mirror.store.bindings import NotBoundError, ReshapedError
from kobo_mirror.store.deferred import BEFORE_THE_FIRST_SYNC, CHANGING, OF_ANOTHER_NAME, defer
from kobo_mirror.store.tables import forms, submissions, to_fetch
from tests.support.forms.made import (
    ALONE,
    ALONE_GROWN,
    BESIDE,
    BESIDE_GROWN,
    make_tables,
)
from tests.support.submissions import ASSET, MIRROR, SERVER
from tests.support.tables import rows_of

UNKNOWN = Mirror(None, SERVER, ASSET)
"""The form as a process knows it that has seen none of its tables."""


def queue(engine: Engine) -> list[tuple[str, str, str]]:
    """What is in the refetch queue, and why."""
    return [(row["asset_uid"], row["ref"], row["reason"]) for row in rows_of(engine, to_fetch)]


def test_before_the_first_sync_it_is_queued_and_nothing_is_bound(engine: Engine) -> None:
    for _ in range(2):
        assert defer(engine, UNKNOWN, 7, BEFORE_THE_FIRST_SYNC) == PushResult(7, "deferred")
    assert queue(engine) == [(ASSET, "7", BEFORE_THE_FIRST_SYNC)]
    assert rows_of(engine, forms) == []
    assert rows_of(engine, submissions) == []


@pytest.mark.parametrize("schema", [ALONE, BESIDE], ids=["derived", "declared"])
def test_it_is_queued_beside_tables_known_or_not(engine: Engine, schema: FormSchema) -> None:
    made = make_tables(engine, schema)
    assert defer(engine, made, 7, OF_ANOTHER_NAME) == PushResult(7, "deferred")
    assert defer(engine, UNKNOWN, 8, CHANGING) == PushResult(8, "deferred")
    assert queue(engine) == [(ASSET, "7", OF_ANOTHER_NAME), (ASSET, "8", CHANGING)]
    assert rows_of(engine, submissions) == []


@pytest.mark.parametrize("grown", [(ALONE, ALONE_GROWN), (BESIDE, BESIDE_GROWN)], ids=["derived", "declared"])
def test_by_tables_that_have_grown_since_nothing_is_queued(
    engine: Engine, grown: tuple[FormSchema, FormSchema]
) -> None:
    old, new = (make_tables(engine, schema) for schema in grown)
    with pytest.raises(ReshapedError):
        defer(engine, old, 7, CHANGING)
    assert queue(engine) == []
    assert defer(engine, new, 7, CHANGING) == PushResult(7, "deferred")


def test_by_tables_that_were_forgotten_nothing_is_queued(engine: Engine) -> None:
    with pytest.raises(NotBoundError):
        defer(engine, MIRROR, 7, CHANGING)
    assert queue(engine) == []


@pytest.mark.parametrize("schema", [ALONE, BESIDE], ids=["derived", "declared"])
def test_the_database_of_another_form_queues_nothing(engine: Engine, schema: FormSchema) -> None:
    made = make_tables(engine, schema)
    for known in (UNKNOWN, made):
        for other in (replace(known, server="https://x.example"), replace(known, asset_uid="aOther")):
            with pytest.raises(SchemaError, match=f"mirrors form {ASSET} of {SERVER}, not "):
                defer(engine, other, 7, CHANGING)
    assert queue(engine) == []
