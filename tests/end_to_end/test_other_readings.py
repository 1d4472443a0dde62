"""Versions of this project that read answers otherwise than the one before, and processes of both at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select, update

from kobo_mirror.config.settings import server_url
from kobo_mirror.database.engine import reading
from kobo_mirror.errors import SchemaError
from kobo_mirror.forms import form_schema
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.forms.wanted import WantedForm
from kobo_mirror.store.mirrors import load_mirror
from kobo_mirror.store.tables import forms
from kobo_mirror.sync.receive import Accepted, Receiver
from simulator.process import SimulatorProcess
from tests.simulator.any_forms import content, row
from tests.support.forms.any_mirror import AnyMirror, any_mirror, form_file, uid_of
from tests.support.tables import queued_refs, rows_in, run_sql

FIRST = content(row("text", "village"), row("begin_repeat", "members"), row("text", "who"), row("end_repeat"))
SECOND = content(row("text", "village"), row("integer", "age"))
ROWS = 5


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    file = form_file(tmp_path_factory.mktemp("forms"), "reading", FIRST, rows=ROWS)
    with SimulatorProcess(form=[file]) as running:
        yield running


@pytest.fixture
def mirror(several: SimulatorProcess, database_url: str) -> Iterator[AnyMirror]:
    several.control.reset()
    with any_mirror(several, uid_of("reading"), database_url) as made:
        yield made


def receiver(mirror: AnyMirror) -> Receiver:
    """Return a webhook of the version of this moment, which knows no tables yet."""
    return Receiver(mirror.engine, [Mirror(None, *identity(mirror))], "rejected")


def deliver(receiver: Receiver, document: dict[str, Any]) -> str:
    outcome = receiver.receive(json.dumps(document).encode())
    assert isinstance(outcome, Accepted)
    return outcome.result.result


def noted(mirror: AnyMirror) -> tuple[int, int, bytes]:
    t = forms.c
    with reading(mirror.engine) as connection:
        row = connection.execute(select(t.epoch, t.epoch_read, t.schema_fingerprint)).one()
    return tuple(row)


def test_a_later_reading_is_taken_over_by_a_sync_and_never_mixed_with_the_old_one(
    mirror: AnyMirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror.sync()
    epoch, _, fingerprint = noted(mirror)
    older = receiver(mirror)
    assert deliver(older, mirror.control.rows()[0]) == "unchanged"
    of_old = {**mirror.control.rows()[0], "village": "as the old version reads it"}

    with monkeypatch.context() as later:
        later.setattr(form_schema, "_READING", form_schema._READING + 1)
        newer = receiver(mirror)
        (new,) = mirror.control.create()
        document = mirror.control.rows(new)[0]
        # Before the sync neither writes what the other would read otherwise.
        assert deliver(newer, document) == "deferred"
        assert not load_mirror(mirror.engine, *identity(mirror)).has_tables
        assert list(queued_refs(mirror.engine)) == [str(new)]
        run_sql(
            mirror.engine, "UPDATE reading SET village = 'shaped by the old version', updated_at = updated_at"
        )
        done = mirror.sync()
        assert (done["mode"], done["rows_read"]) == ("exact", ROWS + 2)  # the new one twice
        after = noted(mirror)
        assert after[:2] == (epoch + 1, epoch + 1)
        assert after[2] != fingerprint
        assert mirror.found() == mirror.wanted()
        assert deliver(newer, document) == "unchanged"
        assert mirror.sync()["rows_read"] == 0
        assert noted(mirror) == after
        assert not any(mirror.verify().differing.values())
        held = rows_in(mirror.engine, "reading")

    # The old webhook still runs: it finds other tables, and may not write to them.
    for process in (older, receiver(mirror)):
        with pytest.raises(SchemaError, match="A newer version of Kobo Mirror fills the tables"):
            deliver(process, of_old)
    with pytest.raises(SchemaError, match="A newer version of Kobo Mirror fills the tables"):
        mirror.sync()
    assert rows_in(mirror.engine, "reading") == held
    assert noted(mirror) == after


def identity(mirror: AnyMirror) -> tuple[str, str]:
    return server_url(mirror.simulator.url), mirror.simulator.asset


def test_a_reading_grows_along_with_a_version_that_waits_for_a_person(
    mirror: AnyMirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read otherwise does not wait; the question that is new does."""
    mirror.sync()
    epoch = noted(mirror)[0]
    mirror.control.deploy(SECOND)
    monkeypatch.setattr(form_schema, "_READING", form_schema._READING + 1)
    mirror.sync(wanted=WantedForm(schema="review"))
    assert noted(mirror)[:2] == (epoch + 1, epoch + 1)
    assert "age" not in rows_in(mirror.engine, "reading")[0]
    mirror.sync()
    assert "age" in rows_in(mirror.engine, "reading")[0]


def test_a_schema_that_was_stored_before_readings_were_noted_is_of_the_first(mirror: AnyMirror) -> None:
    mirror.sync()
    before = noted(mirror)
    with mirror.engine.begin() as connection:
        stored = json.loads(connection.execute(select(forms.c.schema)).scalar_one())
        assert stored.pop("reading") == 1
        connection.execute(update(forms).values(schema=json.dumps(stored)))
    assert mirror.sync()["rows_read"] == 0
    assert noted(mirror) == before


@pytest.mark.parametrize("reading_of_it", [0, 2])
def test_a_number_that_was_changed_by_hand_is_refused(mirror: AnyMirror, reading_of_it: int) -> None:
    mirror.sync()
    with mirror.engine.begin() as connection:
        stored = json.loads(connection.execute(select(forms.c.schema)).scalar_one())
        changed = json.dumps(stored | {"reading": reading_of_it})
        connection.execute(update(forms).values(schema=changed))
    with pytest.raises(SchemaError, match="it was changed by hand; restore the row"):
        mirror.sync()
