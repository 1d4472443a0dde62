"""What is noted of a form beside its tables: its name, the deployed version, when the server was asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, select

from kobo_mirror.database.engine import clock
from kobo_mirror.errors import LeaseError
from kobo_mirror.store.bindings import NotBoundError
from kobo_mirror.store.form_notes import note_refresh, note_unread
from kobo_mirror.store.leases import release_lease, take_lease
from kobo_mirror.store.tables import forms
from tests.support.forms.applied import Applying
from tests.support.forms.judging import UID
from tests.support.forms.surveys import V1, survey


@pytest.fixture
def applying(engine: Engine) -> Iterator[Applying]:
    made = Applying(engine)
    yield made
    made.forget()


def noted(engine: Engine) -> dict[str, Any]:
    """What ``kobo_forms`` has of the form; nothing without a row."""
    with engine.connect() as connection:
        row = connection.execute(select(forms).where(forms.c.asset_uid == UID)).mappings().one_or_none()
    return dict(row or {})


def test_what_the_server_says_is_noted(applying: Applying) -> None:
    engine = applying.engine
    assert not noted(engine)
    with pytest.raises(NotBoundError, match="is not in kobo_forms yet"):
        note_refresh(engine, applying.lease, name="Survey", deployed_version="v1")
    applying.apply(survey(V1))
    before = noted(engine)
    assert (before["name"], before["deployed_version"], before["refreshed_at"]) == ("Survey", None, None)
    begun = clock(engine)
    note_refresh(engine, applying.lease, name="ጥናት 2026 🌍", deployed_version="vQ7xYz")
    found = noted(engine)
    assert (found["name"], found["deployed_version"]) == ("ጥናት 2026 🌍", "vQ7xYz")
    assert begun <= found["refreshed_at"] <= clock(engine)
    note_refresh(engine, applying.lease, name="Survey", deployed_version=None)
    again = noted(engine)
    assert again["refreshed_at"] > found["refreshed_at"]
    assert again == before | {"refreshed_at": again["refreshed_at"]}


def test_versions_that_wait_or_cannot_be_read_are_noted_until_they_are_known(applying: Applying) -> None:
    engine = applying.engine
    applying.apply(survey(V1))
    note_refresh(engine, applying.lease, name="Survey", deployed_version="v3", waiting=2)
    note_unread(engine, applying.lease, "The token may not read them. " * 40)
    found = noted(engine)
    assert (found["versions_waiting"], found["deployed_version"]) == (2, "v3")
    assert len(found["versions_error"]) == 500
    note_refresh(engine, applying.lease, name="Survey", deployed_version="v3")
    found = noted(engine)
    assert (found["versions_waiting"], found["versions_error"]) == (0, None)


def test_a_sync_that_has_lost_its_lease_notes_nothing(applying: Applying) -> None:
    applying.apply(survey(V1))
    release_lease(applying.engine, UID, "a sync")
    take_lease(applying.engine, UID, "another sync")
    with pytest.raises(LeaseError):
        note_refresh(applying.engine, applying.lease, name="Other", deployed_version="v2")
    found = noted(applying.engine)
    assert (found["name"], found["deployed_version"]) == ("Survey", None)
