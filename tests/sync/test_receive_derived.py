"""Deliveries of a form whose tables are derived from its versions, while these tables come and grow."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, event

from kobo_mirror.database.engine import open_engine
from kobo_mirror.errors import SchemaError
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.batches import PushResult
from kobo_mirror.store.tables import forms, submissions
from kobo_mirror.store.writer import Writer
from kobo_mirror.submissions.rows import State
from kobo_mirror.sync.receive import Accepted, Push, Receiver, Refusal, Refused
from tests.support.crashes import Crash
from tests.support.forms.applied import Applying
from tests.support.forms.delivered import FIRST, NOT_KNOWN, SECOND, document, held, sent, should_hold
from tests.support.forms.read_back import Found
from tests.support.forms.row_set_writing import forget, messages
from tests.support.forms.surveys import V1, ask, survey
from tests.support.submissions import body, edited
from tests.support.tables import queued_refs, rows_of

TOO_LONG = "x" * 2**24
NAMES = ("more", "still_more", "most")


@pytest.fixture
def applying(engine: Engine) -> Iterator[Applying]:
    """Return a sync with connections of its own, as a process has them."""
    made = Applying(open_engine(engine.url))
    yield made
    forget(made)
    made.engine.dispose()


@pytest.fixture
def receiver(engine: Engine) -> Receiver:
    return Receiver(engine, [NOT_KNOWN], "rejected")


def result(receiver: Receiver, raw: bytes) -> str:
    """What became of a delivery that was accepted."""
    outcome = receiver.receive(raw)
    assert isinstance(outcome, Accepted)
    return outcome.result.result


def rows_of_one(found: Found, kobo_id: int) -> dict[Any, Any]:
    """The rows of one submission."""
    return {key: cells for key, cells in found.rows.items() if key[1][0] == kobo_id}


def test_before_the_first_sync_a_delivery_is_asked_for_and_nothing_is_bound(
    engine: Engine, receiver: Receiver
) -> None:
    one = document(7)
    assert receiver.receive(body(one)) == Accepted(NOT_KNOWN, one, PushResult(7, "deferred"))
    assert result(receiver, body(one)) == "deferred"
    assert list(queued_refs(engine)) == ["7"]
    assert rows_of(engine, forms) == []
    assert rows_of(engine, submissions) == []


def test_once_the_tables_are_there_deliveries_are_written(applying: Applying, receiver: Receiver) -> None:
    assert result(receiver, sent(7)) == "deferred"
    applying.apply(FIRST)
    assert result(receiver, sent(8)) == "inserted"
    assert held(applying.engine) == should_hold(FIRST, document(8))


def test_the_database_of_another_form_takes_nothing(applying: Applying) -> None:
    applying.apply(FIRST)
    theirs = Receiver(applying.engine, [Mirror(None, NOT_KNOWN.server, "aAnotherForm000000001")], "rejected")
    for id_string in ("aAnotherForm000000001", "household_survey_2016"):
        with pytest.raises(SchemaError, match="mirrors form"):
            theirs.receive(sent(7, _xform_id_string=id_string))
    assert queued_refs(applying.engine) == {}


def test_a_repeat_grows_shrinks_and_empties(applying: Applying, receiver: Receiver) -> None:
    applying.apply(SECOND)
    other = document(8, members=3)
    one = document(7)
    assert [result(receiver, body(each)) for each in (other, one, one)] == [
        "inserted", "inserted", "unchanged",
    ]  # fmt: skip
    assert held(applying.engine) == should_hold(SECOND, one, other)
    before = one
    for members in (5, 1, 0, 2):
        rows = document(7, members=members).get("members")
        after = edited(before, members=rows)
        assert result(receiver, body(after)) == "updated"
        assert held(applying.engine) == should_hold(SECOND, after, other)
        assert result(receiver, body(before)) == "stale"
        assert held(applying.engine) == should_hold(SECOND, after, other)
        before = after


def test_one_that_no_column_can_hold_is_a_rejection_until_it_is_edited(
    applying: Applying, receiver: Receiver
) -> None:
    applying.apply(FIRST)
    big = document(7, name=TOO_LONG)
    assert result(receiver, body(big)) == "rejected"
    assert held(applying.engine) == should_hold(FIRST)
    small = edited(big, name="Bea")
    assert result(receiver, body(small)) == "updated"
    assert held(applying.engine) == should_hold(FIRST, small)
    assert result(receiver, body(edited(small, name=TOO_LONG))) == "rejected"
    assert held(applying.engine) == should_hold(FIRST)


def test_one_that_is_nested_too_deeply_is_refused(applying: Applying, receiver: Receiver) -> None:
    applying.apply(FIRST)
    deep = sent(7, name="@").replace(b'"@"', b"[" * 200 + b"]" * 200)
    outcome = receiver.receive(deep)
    assert outcome == Refused(Refusal.NO_SUBMISSION, "the body is nested too deeply")
    assert rows_of(applying.engine, submissions) == []


def test_tables_that_grow_are_written_to_by_who_knew_the_smaller_ones(
    applying: Applying, receiver: Receiver
) -> None:
    applying.apply(FIRST)
    assert result(receiver, sent(7)) == "inserted"
    applying.apply(SECOND)
    assert result(receiver, sent(8)) == "inserted"
    found = held(applying.engine)
    assert (
        rows_of_one(found, 7) == should_hold(FIRST, document(7)).rows
    )  # a sync promotes its further answers
    assert rows_of_one(found, 8) == should_hold(SECOND, document(8)).rows
    after = edited(document(7), name="Bea")
    assert result(receiver, body(after)) == "updated"
    assert held(applying.engine) == should_hold(SECOND, after, document(8))


def test_one_by_a_name_of_its_own_is_asked_for_while_tables_grow(
    applying: Applying, receiver: Receiver
) -> None:
    applying.apply(FIRST)
    assert result(receiver, sent(7)) == "inserted"
    applying.apply(SECOND)
    assert result(receiver, sent(8, _xform_id_string="household_survey_2016")) == "deferred"
    assert list(queued_refs(applying.engine)) == ["8"]


def test_receivers_that_know_tables_of_different_ages_write_the_same(
    engine: Engine, applying: Applying
) -> None:
    applying.apply(FIRST)
    old = Receiver(engine, [NOT_KNOWN], "rejected")
    assert result(old, sent(1)) == "inserted"
    applying.apply(SECOND)
    young = Receiver(engine, [NOT_KNOWN], "rejected")
    ids = range(2, 8)
    receivers = [old, young] * 3
    assert {result(*pair) for pair in zip(receivers, map(sent, ids), strict=True)} == {"inserted"}
    assert {result(*pair) for pair in zip(receivers[1:], map(sent, ids), strict=False)} == {"unchanged"}
    after = edited(document(1), name="Bea")
    assert result(young, body(after)) == "updated"
    assert held(applying.engine) == should_hold(SECOND, after, *map(document, ids))


def test_none_of_many_deliveries_is_lost_while_tables_grow(applying: Applying, receiver: Receiver) -> None:
    applying.apply(FIRST)
    begun, grown = threading.Semaphore(0), threading.Event()

    def deliver(sender: int) -> dict[int, str]:
        """Deliver new submissions until the tables have grown, and one more."""
        results: dict[int, str] = {}
        is_last = False
        while not is_last:
            is_last = grown.is_set()
            kobo_id = sender * 10_000 + len(results)
            results[kobo_id] = result(receiver, sent(kobo_id))
            begun.release()
        return results

    with ThreadPoolExecutor(20) as senders:
        answers = [senders.submit(deliver, sender) for sender in range(1, 21)]
        for _ in range(20):
            assert begun.acquire(timeout=60)
        try:
            applying.apply(SECOND)
        finally:
            grown.set()
        results = {kobo_id: became for answer in answers for kobo_id, became in answer.result(60).items()}
    assert set(results.values()) <= {"inserted", "deferred"}
    deferred = {kobo_id for kobo_id, became in results.items() if became == "deferred"}
    assert set(queued_refs(applying.engine)) == {str(kobo_id) for kobo_id in deferred}
    found = held(applying.engine)
    by_second = 0
    for kobo_id in results.keys() - deferred:
        first, second = (should_hold(schema, document(kobo_id)).rows for schema in (FIRST, SECOND))
        rows = rows_of_one(found, kobo_id)
        assert rows in (first, second)
        by_second += rows == second
    assert 0 < by_second < len(results) - len(deferred)
    assert all(rows_of_one(found, kobo_id) == {} for kobo_id in deferred)


def test_a_delivery_that_meets_tables_that_grow_at_each_try_is_asked_for(
    engine: Engine, applying: Applying
) -> None:
    schemas = [survey(*(V1 + ask("text", *NAMES[:births]) for births in range(most))) for most in range(1, 5)]
    applying.apply(schemas[0])
    tries: list[int] = []

    def too_late(writer: Writer) -> Push:
        def push(state: State) -> PushResult:
            tries.append(state.kobo_id)
            applying.apply(schemas[len(tries)])
            return writer.push_all([state])[0]

        return push

    assert result(Receiver(engine, [NOT_KNOWN], "rejected", too_late), sent(7)) == "deferred"
    assert tries == [7, 7, 7]
    assert list(queued_refs(engine)) == ["7"]
    assert rows_of(engine, submissions) == []


def test_while_the_first_sync_makes_the_tables_a_delivery_is_asked_for(server_engine: Engine) -> None:
    """On a file no other process sees them half made."""
    applying, receiver = Applying(server_engine), Receiver(server_engine, [NOT_KNOWN], "rejected")

    def stop(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if "CREATE TABLE" in statement:
            raise Crash

    try:
        event.listen(server_engine, "before_cursor_execute", stop)
        with pytest.raises(Crash):
            applying.apply(FIRST)
        event.remove(server_engine, "before_cursor_execute", stop)
        server_engine.dispose()
        assert applying.stored
        assert applying.schema is None
        assert result(receiver, sent(7)) == "deferred"
        applying.apply(FIRST)
        assert result(receiver, sent(7)) == "inserted"
    finally:
        forget(applying)


def test_a_new_delivery_with_repeats_is_a_message_and_a_commit(server_engine: Engine) -> None:
    applying = Applying(server_engine)
    try:
        applying.apply(SECOND)
        receiver = Receiver(server_engine, [NOT_KNOWN], "rejected")
        assert result(receiver, sent(7)) == "inserted"
        commits: list[object] = []
        event.listen(server_engine, "commit", commits.append)
        with messages(server_engine) as told:
            assert result(receiver, sent(8)) == "inserted"
        assert (len(told), len(commits)) == (1, 1)
        assert held(server_engine) == should_hold(SECOND, document(7), document(8))
    finally:
        forget(applying)
