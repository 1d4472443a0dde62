"""Forms that were made outside the form builder: their submissions name an id_string that is not the uid."""

from __future__ import annotations

import json

import pytest

from kobo_mirror.database.engine import reading
from kobo_mirror.store import dead_letters
from kobo_mirror.store.deferred import OF_ANOTHER_NAME, defer
from kobo_mirror.store.form_names import id_strings_of
from kobo_mirror.sync.replay import replay_dead_letters
from tests.support.mirroring import Mirroring
from tests.support.tables import letters, queued_refs, records

LEGACY = "household_survey_2016"


def rename(mirroring: Mirroring, name: str, ids: list[int]) -> None:
    for kobo_id in ids:
        mirroring.simulator.control.raw(kobo_id, {"_xform_id_string": name})


def names(mirroring: Mirroring) -> frozenset[str] | None:
    with reading(mirroring.engine) as connection:
        return id_strings_of(connection, mirroring.mirror)


def test_a_pull_shows_by_what_names_a_form_goes(mirroring: Mirroring) -> None:
    control = mirroring.simulator.control
    control.reset(rows=12)
    rename(mirroring, LEGACY, control.ids()[:6])
    mirroring.sync(page_size=4)
    assert names(mirroring) == {LEGACY, mirroring.simulator.asset}
    rename(mirroring, "renamed_later", control.create(1))
    mirroring.sync()
    assert names(mirroring) == {LEGACY, mirroring.simulator.asset, "renamed_later"}


def test_what_was_deferred_for_its_name_comes_with_the_next_sync(mirroring: Mirroring) -> None:
    control = mirroring.simulator.control
    control.reset(rows=3)
    control.set_delivery("lose")
    (new,) = control.create(1)
    assert defer(mirroring.engine, mirroring.mirror, new, OF_ANOTHER_NAME).result == "deferred"
    assert set(queued_refs(mirroring.engine)) == {str(new)}
    mirroring.sync()
    assert new in records(mirroring.engine)
    assert queued_refs(mirroring.engine) == {}


def test_a_stray_delivery_of_another_form_leaves_no_trace_in_the_table(mirroring: Mirroring) -> None:
    mirroring.simulator.control.reset(rows=3)
    defer(mirroring.engine, mirroring.mirror, 999, OF_ANOTHER_NAME)
    mirroring.sync()
    assert len(records(mirroring.engine)) == 3
    assert queued_refs(mirroring.engine) == {}
    assert mirroring.verify().equal


REPLAYED = {LEGACY: "inserted", "perhaps_another_form": "deferred", "aAnotherForm00000000001": "refused"}


@pytest.mark.parametrize(("named", "result"), REPLAYED.items())
def test_a_replay_takes_letters_of_its_form_by_any_of_its_names(
    mirroring: Mirroring, named: str, result: str
) -> None:
    control = mirroring.simulator.control
    control.reset(rows=3)
    rename(mirroring, LEGACY, control.ids())
    mirroring.sync()
    (new,) = control.create(1)
    rename(mirroring, named, [new])
    (row,) = control.rows(new)
    body = json.dumps(row).encode()
    dead_letters.keep(mirroring.engine, body=body, source="webhook", reason="unknown asset")
    (fate,) = replay_dead_letters(mirroring.engine, mirroring.mirror, "rejected")
    assert fate.result == result
    (letter,) = letters(mirroring.engine)
    assert (letter["body"] == body) == (result != "inserted")
    assert (new in records(mirroring.engine)) == (result == "inserted")
