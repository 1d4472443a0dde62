from __future__ import annotations

import time
from typing import Any

import pytest
from sqlalchemy import Engine

from kobo_mirror.errors import SubmissionError
from kobo_mirror.kobo.pages import cut_page
from kobo_mirror.store.batches import Pulled
from kobo_mirror.store.tables import submissions
from kobo_mirror.sync.source import state_of
from tests.support.submissions import (
    APPROVED,
    MIRROR,
    ON_HOLD,
    QUESTION,
    body,
    changed,
    edited,
    state,
    submission,
)
from tests.support.tables import answers, ledger, queued_refs, records, rows_of, truth
from tests.support.writing import Writing


def test_what_is_pulled_stands_in_both_tables(writing: Writing, engine: Engine) -> None:
    counts = writing.pull(submission(1), submission(2, _validation_status=APPROVED), submission(3, age="abc"))
    assert counts == {"rows_read": 3, "inserted": 2, "rejected": 1}
    row, held = records(engine)[1], ledger(engine)
    found = state(submission(1))
    assert found.row is not None
    assert tuple(answers(engine)[1].values()) == found.row
    assert set(records(engine)) == {1, 2}
    assert row["inserted_at"] == held[1]["first_seen_at"]
    assert (held[1]["state"], held[1]["payload"], held[1]["reason"], held[1]["pushed_at"]) == (
        "applied",
        None,
        None,
        None,
    )
    assert (held[1]["document_digest"], held[1]["row_digest"]) == (found.digest, found.row_digest)
    assert (held[1]["uuid"], held[1]["root_uuid"], held[1]["previous_uuid"]) == (found.uuid, found.uuid, None)
    assert (held[1]["form_version"], held[1]["submitted_by"]) == ("vTestVersion0000000001", "meg")
    assert held[1]["submission_time"] == row["submission_time"]
    assert (held[2]["validation_status"], held[2]["validation_timestamp"]) == (
        APPROVED["uid"],
        APPROVED["timestamp"],
    )
    assert (held[3]["state"], held[3]["reason"]) == (
        "rejected",
        "age: the answer to sec_c/cd_age is not a whole number",
    )
    assert held[3]["payload"] is not None


def test_syncing_twice_changes_no_byte(writing: Writing, engine: Engine) -> None:
    everything = [submission(1), submission(2, alt_phone=None), submission(3, unique_id=None)]
    writing.pull(*everything)
    before = records(engine), ledger(engine)
    time.sleep(0.002)
    assert writing.pull(*everything) == {"rows_read": 3, "unchanged": 3}
    assert writing.results([everything[0], everything[2]]) == ["unchanged", "unchanged"]
    after = records(engine), ledger(engine)
    assert after[0] == before[0]
    assert {key: row["pushed_at"] is not None for key, row in after[1].items()} == {
        1: True,
        2: False,
        3: True,
    }


@pytest.mark.parametrize("origin", ["pulled", "pushed"])
def test_the_clock_of_a_row_moves_only_where_an_answer_changed(
    writing: Writing, engine: Engine, origin: str
) -> None:
    first = [submission(1), submission(2), submission(3)]
    writing.pull(*first)
    before = records(engine)
    time.sleep(0.002)
    new = [
        edited(first[0], age="40"),
        changed(first[1], _validation_status=ON_HOLD) if origin == "pulled" else edited(first[1], other="1"),
        edited(first[2], _attachments=[{"uid": "att1"}], _geolocation=[1, 2]),
    ]
    if origin == "pulled":
        assert writing.pull(*new) == {"rows_read": 3, "updated": 3}
    else:
        assert writing.results(new) == ["updated"] * 3
    after = records(engine)
    assert after[1]["updated_at"] > before[1]["updated_at"]
    assert after[1]["age"] == 40
    assert {**after[1], "updated_at": 0, "age": 0} == {**before[1], "updated_at": 0, "age": 0}
    assert (after[2], after[3]) == (before[2], before[3])


def test_a_rejected_edit_takes_the_outdated_row_out_and_a_healed_one_brings_it_back(
    writing: Writing, engine: Engine
) -> None:
    first = submission(1)
    writing.pull(first)
    before, seen = records(engine)[1], ledger(engine)[1]["first_seen_at"]
    broken = edited(first, age="abc")
    assert writing.pull(broken) == {"rows_read": 1, "rejected": 1}
    assert records(engine) == {}
    assert ledger(engine)[1]["state"] == "rejected"
    time.sleep(0.002)
    assert writing.pull(edited(broken, age="41")) == {"rows_read": 1, "updated": 1}
    after, held = records(engine)[1], ledger(engine)[1]
    assert (after["id"], after["inserted_at"]) == (before["id"], before["inserted_at"])
    assert after["age"] == 41
    assert (held["state"], held["reason"], held["payload"], held["first_seen_at"]) == (
        "applied",
        None,
        None,
        seen,
    )


def test_a_submission_that_was_never_right_gets_its_row_when_it_is_healed(
    writing: Writing, engine: Engine
) -> None:
    broken = submission(1, unique_id=None)
    assert writing.push(broken).result == "rejected"
    seen = ledger(engine)[1]["first_seen_at"]
    assert records(engine) == {}
    assert writing.push(edited(broken, unique_id="U-9")).result == "updated"
    assert records(engine)[1]["inserted_at"] == seen


def test_a_rejection_says_why_to_who_pushed_it(writing: Writing) -> None:
    result = writing.push(submission(1, survey_date="2024-13-45"))
    assert (result.kobo_id, result.result) == (1, "rejected")
    assert result.reason == f"survey_date: the answer to {QUESTION['survey_date']} is no day of the calendar"


@pytest.mark.parametrize(("keep", "kept"), [("rejected", {3}), ("all", {1, 2, 3})])
def test_payloads_are_kept_as_the_setting_says(engine: Engine, keep: str, kept: set[int]) -> None:
    writing = Writing(engine, keep_payloads=keep)
    everything = {
        1: submission(1),
        2: submission(2, _submitted_by="አ👩🏾‍🌾\x00"),
        3: submission(3, age="\ud83d"),
    }
    writing.pull(everything[1])
    writing.push(everything[2])
    writing.pull(everything[3])
    held = ledger(engine)
    assert {key for key, row in held.items() if row["payload"] is not None} == kept
    for key in kept - {3}:
        assert held[key]["payload"].encode() == (state if key == 1 else _as_pushed)(everything[key]).payload


def _as_pushed(data: dict[str, Any]) -> Any:
    from kobo_mirror.submissions.rows import read_state

    return read_state(body(data), MIRROR)


def test_a_body_that_is_no_submission_writes_nothing(writing: Writing, engine: Engine) -> None:
    for raw in (b"", b"[]", b"{}", b'{"_id": "1"}'):
        with pytest.raises(SubmissionError):
            writing.writer.push(raw)
    assert rows_of(engine, submissions) == []


@pytest.mark.parametrize("lacking", ["_uuid", "_submission_time", "meta/instanceID"])
def test_a_partial_push_is_only_asked_for(writing: Writing, engine: Engine, lacking: str) -> None:
    assert writing.push(submission(1, **{lacking: None})).result == "deferred"
    assert (ledger(engine), records(engine), set(queued_refs(engine))) == ({}, {}, {"1"})
    writing.pull(submission(1))
    before = truth(engine)
    assert writing.push(submission(1, **{lacking: None})).result == "deferred"
    assert truth(engine) == before


@pytest.mark.parametrize("lacking", ["_uuid", "meta/instanceID"])
def test_what_was_pulled_is_whole_by_definition(writing: Writing, engine: Engine, lacking: str) -> None:
    lean = submission(1, **{lacking: None})
    assert writing.push(lean).result == "deferred"
    assert writing.pull(lean) == {"rows_read": 1, "inserted": 1}
    assert (set(records(engine)), set(ledger(engine))) == ({1}, {1})
    before = truth(engine)
    assert writing.push(lean).result == "deferred"
    assert writing.pull(lean) == {"rows_read": 1, "unchanged": 1}
    assert truth(engine) == before
    assert writing.pull(changed(lean, age="41")) == {"rows_read": 1, "updated": 1}


def test_every_push_that_finds_a_row_moves_its_moment(writing: Writing, engine: Engine) -> None:
    first = submission(1)
    second = edited(first, age="40")
    third = edited(second, age="41")
    writing.pull(second)
    assert ledger(engine)[1]["pushed_at"] is None
    moments = []
    for data, result in (
        (second, "unchanged"),
        (first, "stale"),
        (edited(edited(third)), "deferred"),
        (changed(second, _uuid=None), "deferred"),
        (third, "updated"),
        (changed(edited(third), age="abc"), "rejected"),
    ):
        assert writing.push(data).result == result
        moments.append(ledger(engine)[1]["pushed_at"])
    assert moments == sorted(set(moments))
    assert writing.push(submission(2)).result == "inserted"
    assert ledger(engine)[2]["pushed_at"] is not None


def test_a_pull_keeps_the_moment_of_the_last_push(writing: Writing, engine: Engine) -> None:
    writing.push(submission(1))
    pushed_at = ledger(engine)[1]["pushed_at"]
    assert writing.pull(edited(submission(1), age="40")) == {"rows_read": 1, "updated": 1}
    assert ledger(engine)[1]["pushed_at"] == pushed_at


def test_a_push_that_landed_after_the_request_wins_over_what_the_request_brings(
    writing: Writing, engine: Engine
) -> None:
    first = submission(1)
    sent_at = writing.now()
    writing.push(edited(first, age="40"))
    assert writing.pull(first, sent_at=sent_at) == {"rows_read": 1, "stale": 1}
    assert answers(engine)[1]["age"] == 40
    assert writing.pull(edited(edited(edited(first))), sent_at=sent_at) == {"rows_read": 1, "deferred": 1}
    assert set(queued_refs(engine)) == {"1"}
    assert writing.pull(first) == {
        "rows_read": 1,
        "updated": 1,
    }  # the server is the truth, even when it went back
    assert answers(engine)[1]["age"] == 38


def test_what_a_page_should_show_and_lacks_is_asked_for(writing: Writing, engine: Engine) -> None:
    writing.pull(*(submission(key) for key in (10, 20, 30, 40)))
    writing.pull(submission(20), window=(10, 30))
    assert set(queued_refs(engine)) == {"30"}
    writing.pull(window=(30, None))
    assert set(queued_refs(engine)) == {"30", "40"}


def test_the_same_page_twice_is_written_once(writing: Writing, engine: Engine) -> None:
    page = [submission(key) for key in range(1, 200)]
    assert writing.pull(*page)["inserted"] == 199
    assert writing.pull(*reversed(page)) == {"rows_read": 199, "unchanged": 199}
    assert len(records(engine)) == 199


NAME = b'"sec_c/cd_client_name": '
UNREADABLE = {
    2: (NAME + b"NaN", "is NaN, which JSON does not have"),
    3: (NAME + b'"\xff"', "holds bytes that are not UTF-8"),
    4: (NAME + b"-Infinity", "is -Infinity, which JSON does not have"),
    5: (NAME + b"9" * 5000, "is a number of too many digits"),
    6: (NAME + b"[" * 5000 + b"]" * 5000, "the body is nested too deeply"),
    7: (b'"x": ' + b'{"a":' * 5000 + b"1" + b"}" * 5000, "the body is nested too deeply"),
}


def test_a_row_that_cannot_be_read_is_a_rejection_and_the_page_goes_on(
    writing: Writing, engine: Engine
) -> None:
    for kobo_id, (member, _) in UNREADABLE.items():
        odd = b"%s, %s}" % (body(submission(kobo_id))[:-1], member)
        rows = [body(submission(1)), odd, body(submission(9))]
        page = cut_page(b'{"count": 3, "results": [%s]}' % b", ".join(rows))
        states = [state_of(row, number, MIRROR) for row, number in zip(page.rows, page.ids, strict=True)]
        writing.writer.pull(
            Pulled(states=states, sent_at=writing.now(), lease=writing.lease, run_id=writing.run_id)
        )
    held = ledger(engine)
    assert set(records(engine)) == {1, 9}
    for kobo_id, (_, said) in UNREADABLE.items():
        row, usual = held[kobo_id], state(submission(kobo_id))
        assert (row["state"], row["uuid"]) == ("rejected", usual.uuid)
        assert row["submission_time"] == usual.shaped.submission_time
        assert row["reason"].removeprefix("client_name: the answer to sec_c/cd_client_name ") == said
    assert all(held[key]["payload"] for key in UNREADABLE)
