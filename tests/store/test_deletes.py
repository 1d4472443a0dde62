"""What the server did not show is deleted, unless a delivery shows that it is there."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import Engine

from kobo_mirror.store.batches import Absent
from kobo_mirror.store.refetch_queue import Entry
from tests.support.submissions import edited, submission
from tests.support.tables import ledger, queued_refs, records
from tests.support.writing import Writing


def absent(writing: Writing, ids: list[int], sent_at: datetime) -> int:
    """Tell the writer that these were asked for at that moment and not shown; how many it removed."""
    entries = [Entry(ref, at) for ref, at in queued_refs(writing.engine).items()]
    return writing.writer.remove(
        Absent(ids=ids, sent_at=sent_at, lease=writing.lease, run_id=writing.run_id, to_take_off=entries)
    )


@pytest.mark.parametrize("again", ["unchanged", "updated", "deferred"])
def test_what_was_delivered_since_is_kept_and_asked_for(writing: Writing, engine: Engine, again: str) -> None:
    """It came back between question and answer; whatever its delivery came to."""
    pulled = submission(1)
    writing.pull(pulled, submission(2), submission(3))
    sent_at = writing.now()
    delivered = {
        "unchanged": pulled,
        "updated": edited(pulled, age="40"),
        "deferred": {**pulled, "_submission_time": None},
    }
    assert writing.push(delivered[again]).result == again
    assert absent(writing, [1, 2, 99], sent_at) == 1
    assert {key: row["state"] for key, row in ledger(engine).items()} == {
        1: "applied",
        2: "deleted",
        3: "applied",
        99: "deleted",
    }
    assert sorted(records(engine)) == [1, 3]
    assert set(queued_refs(engine)) == {"1"}


def test_what_was_new_since_is_kept_and_asked_for(writing: Writing, engine: Engine) -> None:
    sent_at = writing.now()
    assert writing.push(submission(1)).result == "inserted"
    assert absent(writing, [1], sent_at) == 0
    assert (sorted(records(engine)), set(queued_refs(engine))) == ([1], {"1"})
    assert absent(writing, [1], writing.now()) == 1
    assert (records(engine), queued_refs(engine)) == ({}, {})
