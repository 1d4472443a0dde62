"""What is noted of a form beside its tables: its name, the deployed version, when the server was asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from kobo_mirror.database.engine import clock, reading
from kobo_mirror.errors import LeaseError
from kobo_mirror.store.bindings import NotBoundError
from kobo_mirror.store.form_notes import FormNotes, form_notes, note_refresh
from kobo_mirror.store.leases import release_lease, take_lease
from tests.support.forms.applied import Applying
from tests.support.forms.judging import UID
from tests.support.forms.surveys import V1, survey


@pytest.fixture
def applying(engine: Engine) -> Iterator[Applying]:
    made = Applying(engine)
    yield made
    made.forget()


def noted(engine: Engine) -> FormNotes | None:
    with reading(engine) as connection:
        return form_notes(connection, UID)


def test_what_the_server_says_is_noted(applying: Applying) -> None:
    engine = applying.engine
    assert noted(engine) is None
    with pytest.raises(NotBoundError, match="is not in kobo_forms yet"):
        note_refresh(engine, applying.lease, name="Survey", deployed_version="v1")
    applying.apply(survey(V1))
    stored = applying.stored
    assert noted(engine) == FormNotes("Survey", None, None)
    begun = clock(engine)
    note_refresh(engine, applying.lease, name="ጥናት 2026 🌍", deployed_version="vQ7xYz")
    found = noted(engine)
    assert found
    assert found[:2] == ("ጥናት 2026 🌍", "vQ7xYz")
    assert found.refreshed_at
    assert begun <= found.refreshed_at <= clock(engine)
    note_refresh(engine, applying.lease, name="Survey", deployed_version=None)
    again = noted(engine)
    assert again
    assert again[:2] == ("Survey", None)
    assert again.refreshed_at
    assert again.refreshed_at > found.refreshed_at
    assert applying.stored == stored


def test_a_sync_that_has_lost_its_lease_notes_nothing(applying: Applying) -> None:
    applying.apply(survey(V1))
    release_lease(applying.engine, UID, "a sync")
    take_lease(applying.engine, UID, "another sync")
    with pytest.raises(LeaseError):
        note_refresh(applying.engine, applying.lease, name="Other", deployed_version="v2")
    assert noted(applying.engine) == FormNotes("Survey", None, None)
