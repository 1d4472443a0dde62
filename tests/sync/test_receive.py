"""What becomes of a body: the webhook and replay have it from one place."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from kobo_mirror.errors import DatabaseError
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.batches import PushResult
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.form_names import learn_id_strings
from kobo_mirror.store.tables import submissions
from kobo_mirror.store.writer import Writer
from kobo_mirror.submissions.rows import State
from kobo_mirror.sync.receive import Accepted, Push, Receiver, Refusal, Refused
from tests.support.submissions import ASSET, MIRROR, body, edited, submission
from tests.support.tables import letters, queued_refs, records, rows_of
from tests.support.writing import Writing

OTHER = "aAnotherForm000000001"
OWN_NAME = "household_survey_2016"


@pytest.fixture
def engine(engine: Engine) -> Engine:
    """Return an engine of a database that mirrors the form."""
    bind(engine, MIRROR)
    return engine


@pytest.fixture
def receiver(engine: Engine) -> Receiver:
    return Receiver(engine, [MIRROR], "rejected")


@pytest.fixture
def learnt(engine: Engine) -> Iterator[Engine]:
    """A database in which a pull has shown that the form goes by its uid."""
    learn_id_strings(engine, MIRROR, {ASSET})
    return engine


@pytest.mark.parametrize("id_string", [ASSET, None])
def test_a_submission_of_the_form_is_written(
    engine: Engine, receiver: Receiver, id_string: str | None
) -> None:
    sent = submission(1, _xform_id_string=id_string)
    assert receiver.receive(body(sent)) == Accepted(MIRROR, sent, PushResult(1, "inserted"))
    assert receiver.receive(body(sent)) == Accepted(MIRROR, sent, PushResult(1, "unchanged"))
    assert list(records(engine)) == [1]


def test_an_edit_is_written_and_what_was_before_it_is_not(engine: Engine, receiver: Receiver) -> None:
    before = submission(1)
    after = edited(before, age="44")
    outcomes = [receiver.receive(body(sent)) for sent in (before, after, before)]
    assert [o.result.result for o in outcomes if isinstance(o, Accepted)] == ["inserted", "updated", "stale"]
    assert records(engine)[1]["age"] == 44


def test_one_of_a_tombstone_is_only_asked_for(engine: Engine, receiver: Receiver) -> None:
    writing = Writing(engine)
    writing.pull(submission(1))
    writing.remove(1)
    sent = submission(1)
    assert receiver.receive(body(sent)) == Accepted(MIRROR, sent, PushResult(1, "deferred"))
    assert (records(engine), set(queued_refs(engine))) == ({}, {"1"})


def test_one_that_does_not_fit_is_accepted_as_a_rejection(engine: Engine, receiver: Receiver) -> None:
    outcome = receiver.receive(body(submission(1, age="x")))
    assert isinstance(outcome, Accepted)
    assert (outcome.result.result, outcome.form_is_known) == ("rejected", True)
    assert outcome.result.reason
    assert [row["state"] for row in rows_of(engine, submissions)] == ["rejected"]


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"_id": "1"}', b"\xff"])
def test_what_is_no_submission_is_refused_and_can_be_kept(
    engine: Engine, receiver: Receiver, raw: bytes
) -> None:
    outcome = receiver.receive(raw)
    assert isinstance(outcome, Refused)
    assert outcome.why is Refusal.NO_SUBMISSION
    letter = receiver.keep(raw, outcome, source="test")
    (kept,) = letters(engine)
    assert (kept["id"], kept["body"], kept["asset_uid"]) == (letter, raw, ASSET)
    assert (kept["source"], kept["reason"]) == ("test", outcome.reason)
    assert rows_of(engine, submissions) == []


def test_another_form_s_submission_is_refused(learnt: Engine, receiver: Receiver) -> None:
    outcome = receiver.receive(body(submission(1, _xform_id_string=OTHER)))
    assert outcome == Refused(Refusal.OTHER_FORM, f"unknown asset {OTHER}")
    assert rows_of(learnt, submissions) == []


def test_one_by_a_name_that_only_the_server_knows_is_deferred(learnt: Engine, receiver: Receiver) -> None:
    sent = submission(1, _xform_id_string=OWN_NAME)
    deferred = PushResult(1, "deferred")
    assert receiver.receive(body(sent)) == Accepted(MIRROR, sent, deferred, form_is_known=False)
    learn_id_strings(learnt, MIRROR, {OWN_NAME})
    assert receiver.receive(body(sent)) == Accepted(MIRROR, sent, PushResult(1, "inserted"))


def test_of_several_forms_only_the_one_that_a_body_names_takes_it(engine: Engine) -> None:
    receiver = Receiver(engine, [Mirror(MIRROR.form, MIRROR.server, OTHER), MIRROR], "rejected")
    outcome = receiver.receive(body(submission(1)))
    assert isinstance(outcome, Accepted)
    assert outcome.mirror == MIRROR
    for id_string in (None, OWN_NAME):
        refused = receiver.receive(body(submission(2, _xform_id_string=id_string)))
        assert isinstance(refused, Refused)
        assert refused.why is Refusal.OTHER_FORM
        receiver.keep(b"", refused, source="test")
    assert [letter["asset_uid"] for letter in letters(engine)] == [None, None]


def test_what_commits_is_given_each_state_shaped(engine: Engine) -> None:
    seen: list[State] = []

    def full(writer: Writer) -> Push:
        def push(state: State) -> PushResult:
            seen.append(state)
            raise DatabaseError("the disk is full")

        return push

    with pytest.raises(DatabaseError, match="the disk is full"):
        Receiver(engine, [MIRROR], "rejected", full).receive(body(submission(7)))
    (state,) = seen
    assert state.kobo_id == 7
    assert state._shaped is not None
    assert records(engine) == {}
