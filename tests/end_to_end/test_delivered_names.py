"""What KoboToolbox posts of a form that names another id_string than its uid, to the webhook as it is run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kobo_mirror.database.engine import reading
from kobo_mirror.kobo.rest_services import ensure_registered
from kobo_mirror.store.form_names import MOST_ID_STRINGS, id_strings_of
from kobo_mirror.sync.replay import replay_dead_letters
from tests.support.mirroring import Mirroring
from tests.support.tables import ledger, letters, queued_refs, records
from tests.webhook.bodies import PATH, SECRET
from tests.webhook.service import running_service

LEGACY = "household_survey_2016"
UID = "aAnotherForm00000000001"
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Posting:
    """A form whose submissions reach a running webhook, under any name."""

    def __init__(self, mirroring: Mirroring) -> None:
        self.mirroring, self.control = mirroring, mirroring.simulator.control
        self.engine = mirroring.engine

    def create(self, name: Any) -> int:
        """A submission that names this form, held back by the server."""
        self.control.set_delivery("hold")
        (new,) = self.control.create(1)
        self.control.raw(new, {"_xform_id_string": name})
        return new

    def deliver(self, kobo_id: int) -> int | None:
        """Post it; the status of the answer."""
        (held,) = (one["id"] for one in self.control.held() if one["submission_id"] == kobo_id)
        status = self.control.deliver(held, fresh=True)
        self.control.drop(held)
        return status

    def post(self, name: Any) -> tuple[int, int | None]:
        """Create and deliver one; its ``_id`` and the status."""
        kobo_id = self.create(name)
        return kobo_id, self.deliver(kobo_id)

    def sync(self) -> None:
        self.mirroring.sync()
        assert self.mirroring.verify().equal

    def names(self) -> frozenset[str]:
        with reading(self.engine) as connection:
            return id_strings_of(connection, self.mirroring.mirror) or frozenset()


@pytest.fixture
def posting(mirroring: Mirroring, tmp_path: Path) -> Iterator[Posting]:
    simulator = mirroring.simulator
    simulator.control.reset(rows=3)
    form = {"KOBO_URL": simulator.url, "KOBO_ASSET_ID": simulator.asset}
    with running_service(mirroring.url, tmp_path, **form) as service, mirroring.client() as client:
        endpoint = f"http://127.0.0.1:{service.port}{PATH}"
        ensure_registered(client, endpoint=endpoint, secret=SECRET, registrar_url=None, known=[])
        yield Posting(mirroring)


def test_a_form_of_another_name_is_taken_from_its_first_sync_on(posting: Posting) -> None:
    for kobo_id in posting.control.ids():
        posting.control.raw(kobo_id, {"_xform_id_string": LEGACY})
    first, status = posting.post(LEGACY)
    assert (status, set(queued_refs(posting.engine)), letters(posting.engine)) == (200, {str(first)}, [])
    posting.sync()
    assert first in records(posting.engine)
    assert posting.names() == {LEGACY}
    second, status = posting.post(LEGACY)
    assert (status, second in records(posting.engine)) == (200, True)
    third, status = posting.post(posting.mirroring.simulator.asset)
    assert (status, third in records(posting.engine)) == (200, True)
    fourth, status = posting.post(UID)
    assert (status, fourth in ledger(posting.engine)) == (404, False)
    (letter,) = letters(posting.engine)
    assert (letter["asset_uid"], queued_refs(posting.engine)) == (posting.mirroring.simulator.asset, {})


@pytest.mark.parametrize(("names", "code"), [((LEGACY, "renamed_again"), 200), ((UID, UID + "2"), 404)])
def test_a_name_that_changes_is_known_from_the_next_sync_on(
    posting: Posting, names: tuple[str, str], code: int
) -> None:
    """Until then a submission is asked for, or kept as a dead letter if the name is a form's uid."""
    posting.sync()
    for name in names:
        new, status = posting.post(name)
        assert (status, new in records(posting.engine)) == (code, False)
        posting.sync()
        assert new in records(posting.engine)
        later, status = posting.post(name)
        assert (status, later in records(posting.engine)) == (200, True)
    fates = replay_dead_letters(posting.engine, posting.mirroring.mirror, "rejected")
    assert [fate.result for fate in fates] == ["unchanged", "unchanged"] * (code == 404)
    assert [row["body"] for row in letters(posting.engine)] == [b"", b""] * (code == 404)


def test_a_form_may_go_by_several_names(posting: Posting) -> None:
    names = [LEGACY, "second", posting.mirroring.simulator.asset]
    for kobo_id, name in zip(posting.control.ids(), names, strict=True):
        posting.control.raw(kobo_id, {"_xform_id_string": name})
    posting.sync()
    assert posting.names() == set(names)
    assert [posting.post(name)[1] for name in (*names, UID)] == [200, 200, 200, 404]


def test_any_text_can_be_a_name(posting: Posting) -> None:
    names = ["x" * 300, "Enquête ménages ወርቅ 😀", "'; DROP TABLE kobo_forms; --", " "]
    first = [posting.create(name) for name in names]
    posting.sync()
    assert posting.names() == {*names, posting.mirroring.simulator.asset}
    assert [posting.deliver(kobo_id) for kobo_id in first] == [200] * len(names)
    assert [posting.post(name)[1] for name in names] == [200] * len(names)


@ON_SQLITE
def test_what_is_no_text_names_no_form_and_a_sync_brings_it(posting: Posting) -> None:
    """No server sends such a thing; what is posted so is kept, and no submission is lost."""
    odd: list[Any] = [2016, "", True, ["x"], {"a": 1}]
    posted = [posting.post(name) for name in odd]
    assert [status for _, status in posted] == [404] * len(odd)
    assert len(letters(posting.engine)) == len(odd)
    posting.sync()
    assert posting.names() == {posting.mirroring.simulator.asset}
    assert {kobo_id for kobo_id, _ in posted} <= records(posting.engine).keys()
    assert [posting.post(name)[1] for name in odd] == [404] * len(odd)


@ON_SQLITE
def test_what_names_no_form_is_of_the_only_one(posting: Posting) -> None:
    posting.sync()
    null, absent = posting.create(None), posting.create(LEGACY)
    posting.control.raw(absent, {}, remove=["_xform_id_string"])
    assert [posting.deliver(null), posting.deliver(absent)] == [200, 200]
    assert {null, absent} <= records(posting.engine).keys()
    posting.sync()


def test_a_replay_before_the_first_sync_loses_no_letter(posting: Posting) -> None:
    """Whose it is cannot be known yet, and the server has nothing of what is another form's."""
    mirroring = posting.mirroring
    posting.sync()
    ours, _ = posting.post("aThisFormAsCloned000001")
    others, _ = posting.post(UID)
    posting.control.delete(others)
    with posting.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE kobo_forms SET id_strings = NULL")
    fates = replay_dead_letters(posting.engine, mirroring.mirror, "rejected")
    assert [fate.result for fate in fates] == ["deferred", "deferred"]
    assert set(queued_refs(posting.engine)) == {str(ours), str(others)}
    assert all(row["body"] and row["replayed_at"] is None for row in letters(posting.engine))
    posting.sync()
    fates = replay_dead_letters(posting.engine, mirroring.mirror, "rejected")
    assert [fate.result for fate in fates] == ["unchanged", "refused"]


@ON_SQLITE
def test_names_without_end_are_not_kept_without_end(posting: Posting) -> None:
    """And then none of them says that a submission is another form's."""
    posting.control.set_delivery("lose")
    for kobo_id in posting.control.create(MOST_ID_STRINGS + 20):
        posting.control.raw(kobo_id, {"_xform_id_string": f"name_{kobo_id}"})
    posting.mirroring.sync(page_size=20)
    assert len(posting.names()) == MOST_ID_STRINGS
    new, status = posting.post(UID)
    assert (status, set(queued_refs(posting.engine))) == (200, {str(new)})
    posting.sync()
    assert new in records(posting.engine)
