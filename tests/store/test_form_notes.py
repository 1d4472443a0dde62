"""What is noted of a form beside its tables: its name, the deployed version, when the server was asked."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, select

from kobo_mirror.config.schedules import Schedules
from kobo_mirror.database.engine import clock, reading
from kobo_mirror.errors import LeaseError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.plan_steps import plan_between
from kobo_mirror.store.bindings import NotBoundError
from kobo_mirror.store.form_notes import Told, Waiting, note_refresh, note_waiting
from kobo_mirror.store.leases import release_lease, take_lease
from kobo_mirror.store.overview import read_state
from kobo_mirror.store.plans import open_plan
from kobo_mirror.store.tables import forms
from tests.support.forms.applied import Applying
from tests.support.forms.judging import UID
from tests.support.forms.surveys import V1, V2, survey


def noted(engine: Engine) -> dict[str, Any]:
    """What ``kobo_forms`` has of the form; nothing without a row."""
    with engine.connect() as connection:
        row = connection.execute(select(forms).where(forms.c.asset_uid == UID)).mappings().one_or_none()
    return dict(row or {})


def test_what_the_server_says_is_noted(applying: Applying) -> None:
    engine = applying.engine
    assert not noted(engine)
    with pytest.raises(NotBoundError, match="is not in kobo_forms yet"):
        note_refresh(engine, applying.lease, Told("Survey", "v1"), None)
    applying.apply(survey(V1))
    before = noted(engine)
    assert (before["name"], before["deployed_version"], before["refreshed_at"]) == ("Survey", None, None)
    begun = clock(engine)
    note_refresh(engine, applying.lease, Told("ጥናት 2026 🌍", "vQ7xYz"), None)
    found = noted(engine)
    assert (found["name"], found["deployed_version"]) == ("ጥናት 2026 🌍", "vQ7xYz")
    assert begun <= found["refreshed_at"] <= clock(engine)
    note_refresh(engine, applying.lease, Told("Survey", None), None)
    again = noted(engine)
    assert again["refreshed_at"] > found["refreshed_at"]
    assert again == before | {"refreshed_at": again["refreshed_at"]}


def test_what_the_server_or_the_database_refuses_is_noted_until_it_does_not(applying: Applying) -> None:
    engine = applying.engine
    applying.apply(survey(V1))
    note_refresh(engine, applying.lease, Told("Survey", "v3"), None)
    told = Told("Other", "v4", *("The token may not read them. " * 40,) * 3)
    note_refresh(engine, applying.lease, told, None)
    found = noted(engine)
    assert (found["name"], found["deployed_version"]) == ("Survey", "v3")
    refused = ("versions_error", "tables_error", "tables_altered")
    assert [len(found[name]) for name in refused] == [500] * 3
    note_refresh(engine, applying.lease, Told("Survey", "v3"), None)
    found = noted(engine)
    assert [found[name] for name in refused] == [None] * 3


def test_when_airflow_reads_the_form_is_noted_until_the_file_says_otherwise(applying: Applying) -> None:
    engine = applying.engine
    applying.apply(survey(V1))
    for schedules in (Schedules("@hourly", "5 3 * * *"), Schedules("@daily"), Schedules()):
        note_refresh(engine, applying.lease, Told("Survey", "v1", schedules=schedules), None)
        found = noted(engine)
        assert (found["round_schedule"] or "", found["own_schedule"] or "") == schedules
        with reading(engine) as connection:
            assert read_state(connection, KOBO_RECORDS, UID).schedules == schedules


def test_a_plan_waits_until_a_sync_finds_none(applying: Applying) -> None:
    engine = applying.engine
    plan = plan_between(survey(V1), survey(V1, V2))
    applying.apply(survey(V1))
    assert applying.stored
    with pytest.raises(NotBoundError):
        note_waiting(engine, applying.stored, "aOtherForm", Waiting(plan, "review", None))
    stored = note_waiting(engine, applying.stored, UID, Waiting(plan, "review", None))
    assert stored
    note_refresh(engine, applying.lease, Told("Survey", "v2"), Waiting(plan, "review", bytes(16)))
    with reading(engine) as connection:
        found = open_plan(connection, UID)
    assert found is not None
    assert (found.code, found.plan, found.made_from) == (stored.code, plan, bytes(16))
    note_refresh(engine, applying.lease, Told("Survey", "v2"), None)
    with reading(engine) as connection:
        assert open_plan(connection, UID) is None


def test_a_plan_that_was_applied_meanwhile_does_not_wait(applying: Applying) -> None:
    applying.apply(survey(V1))
    before = applying.stored
    assert before
    plan = plan_between(survey(V1), survey(V1, V2))
    applying.apply(survey(V1, V2))
    assert note_waiting(applying.engine, before, UID, Waiting(plan, "review", None)) is None
    with reading(applying.engine) as connection:
        assert open_plan(connection, UID) is None


def test_a_sync_that_has_lost_its_lease_notes_nothing(applying: Applying) -> None:
    applying.apply(survey(V1))
    release_lease(applying.engine, UID, "a sync")
    take_lease(applying.engine, UID, "another sync")
    with pytest.raises(LeaseError):
        note_refresh(applying.engine, applying.lease, Told("Other", "v2"), None)
    found = noted(applying.engine)
    assert (found["name"], found["deployed_version"]) == ("Survey", None)
