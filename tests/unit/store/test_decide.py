from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kobo_mirror.store.decide import Decision, Incoming, Stored, decide, decide_absent

SENT = datetime(2026, 11, 23, 12, 0, 0, 500)  # noqa: DTZ001  # UTC, as DATETIME holds it
BEFORE, AFTER = SENT - timedelta(microseconds=1), SENT + timedelta(microseconds=1)
NOW = SENT + timedelta(seconds=1)
A, B, C, D = "uuid-a", "uuid-b", "uuid-c", "uuid-d"
ONE, TWO = b"1" * 16, b"2" * 16
EPOCH = 3


def stored(
    uuid: str | None = B,
    previous: str | None = A,
    digest: bytes | None = ONE,
    state: str = "applied",
    pushed_at: datetime | None = None,
) -> Stored:
    return Stored(7, uuid, previous, digest, digest, state, pushed_at, SENT, EPOCH)


def incoming(
    uuid: str | None = B, previous: str | None = A, digest: bytes = TWO, partial: bool = False
) -> Incoming:
    return Incoming(uuid, previous, digest, partial)


TOMBSTONE = stored(state="deleted", digest=None)
UNCHANGED, UPDATE, STALE, FETCH = Decision.UNCHANGED, Decision.UPDATE, Decision.STALE, Decision.FETCH
INSERT, REVIVE, DELETE = Decision.INSERT, Decision.REVIVE, Decision.DELETE


@pytest.mark.parametrize(
    ("what", "held", "state", "sent_at", "decision"),
    [
        ("pulled, a tombstone", TOMBSTONE, incoming(), SENT, REVIVE),
        ("pulled, a tombstone, a push landed", TOMBSTONE._replace(pushed_at=AFTER), incoming(), SENT, REVIVE),
        ("pulled and not whole, a tombstone", TOMBSTONE, incoming(partial=True), SENT, REVIVE),
        ("pushed, a tombstone", TOMBSTONE, incoming(), None, FETCH),
        ("pushed, the same tombstone", stored(digest=TWO, state="deleted"), incoming(), None, FETCH),
        ("pushed, partial, nothing stored", None, incoming(partial=True), None, FETCH),
        ("pushed, partial, the same", stored(digest=TWO), incoming(partial=True), None, FETCH),
        ("pulled and not whole, nothing stored", None, incoming(uuid=None, partial=True), SENT, INSERT),
        ("pulled, nothing stored", None, incoming(), SENT, INSERT),
        ("pushed, nothing stored", None, incoming(), None, INSERT),
        ("pushed, nothing stored, edited", None, incoming(C, B), None, INSERT),
        ("pulled, the same", stored(digest=TWO), incoming(), SENT, UNCHANGED),
        ("pushed, the same", stored(digest=TWO), incoming(), None, UNCHANGED),
        ("pulled, the same, a push landed", stored(digest=TWO, pushed_at=AFTER), incoming(), SENT, UNCHANGED),
        ("pulled, the same rejection", stored(digest=TWO, state="rejected"), incoming(), SENT, UNCHANGED),
        ("pulled, the same uuid, another digest", stored(), incoming(), SENT, UPDATE),
        ("pulled, another uuid, the same digest", stored(digest=TWO), incoming(C, B), SENT, UPDATE),
        ("pulled, marked for repair", stored(digest=None), incoming(), SENT, UPDATE),
        ("pulled, newer", stored(), incoming(C, B), SENT, UPDATE),
        ("pulled, unrelated", stored(), incoming(D, C), SENT, UPDATE),
        ("pulled, the server went back", stored(), incoming(A, None), SENT, UPDATE),
        ("pulled, a push landed long before", stored(pushed_at=BEFORE), incoming(A, None), SENT, UPDATE),
        ("pulled, a push landed that moment", stored(pushed_at=SENT), incoming(A, None), SENT, STALE),
        ("pulled, a push landed, the successor", stored(pushed_at=AFTER), incoming(C, B), SENT, UPDATE),
        ("pulled, a push landed, the one before", stored(pushed_at=AFTER), incoming(A, None), SENT, STALE),
        ("pulled, a push landed, unrelated", stored(pushed_at=AFTER), incoming(D, C), SENT, FETCH),
        ("pulled, a push landed, validated", stored(pushed_at=AFTER), incoming(), SENT, FETCH),
        ("pushed, the direct successor", stored(), incoming(C, B), None, UPDATE),
        ("pushed, the successor of a first state", stored(A, None), incoming(B, A), None, UPDATE),
        ("pushed, the successor of a rejection", stored(state="rejected"), incoming(C, B), None, UPDATE),
        ("pushed, the one just before", stored(C, B), incoming(B, A), None, STALE),
        ("pushed, never edited, the stored one was", stored(C, B), incoming(A, None), None, STALE),
        ("pushed, never edited, with another uuid", stored(C, B), incoming(D, None), None, STALE),
        ("pushed, two edits on", stored(A, None), incoming(C, B), None, FETCH),
        ("pushed, two edits back", stored(D, C), incoming(B, A), None, FETCH),
        ("pushed, the same uuid, another digest", stored(), incoming(), None, FETCH),
        ("pushed, never edited either, another digest", stored(A, None), incoming(A, None), None, FETCH),
        ("pushed, both without uuid", stored(None, None), incoming(None, None), None, FETCH),
        ("pushed, no uuid is no predecessor", stored(None, None), incoming(B, None), None, FETCH),
    ],
)  # fmt: skip
def test_the_table_case_by_case(
    what: str, held: Stored | None, state: Incoming, sent_at: datetime | None, decision: Decision
) -> None:
    assert decide(held, state, sent_at, epoch=EPOCH, now=NOW) is decision, what


class Case(NamedTuple):
    """A stored row (or none), what arrives, and when it was asked for (None: pushed)."""

    held: Stored | None
    new: Incoming
    sent_at: datetime | None

    @property
    def pulled(self) -> bool:
        return self.sent_at is not None

    @property
    def tombstone(self) -> bool:
        return self.held is not None and self.held.state == "deleted"

    @property
    def push_landed(self) -> bool:
        assert self.held is not None
        assert self.sent_at is not None
        return self.held.pushed_at is not None and self.held.pushed_at >= self.sent_at


def _held(case: Case) -> Stored:
    assert case.held is not None
    return case.held


TABLE: list[tuple[Callable[[Case], bool], Decision]] = [
    (lambda case: case.pulled and case.tombstone, REVIVE),
    (lambda case: not case.pulled and case.tombstone, FETCH),
    (lambda case: not case.pulled and case.new.partial, FETCH),
    (lambda case: case.held is None, INSERT),
    (
        lambda case: (case.new.uuid, case.new.digest) == (_held(case).uuid, _held(case).document_digest),
        UNCHANGED,
    ),
    (lambda case: case.pulled and not case.push_landed, UPDATE),
    (lambda case: case.new.previous_uuid is not None and case.new.previous_uuid == _held(case).uuid, UPDATE),
    (lambda case: case.new.uuid is not None and case.new.uuid == _held(case).previous_uuid, STALE),
    (lambda case: case.new.previous_uuid is None and _held(case).previous_uuid is not None, STALE),
    (lambda case: True, FETCH),
]

UUIDS = st.sampled_from([None, A, B, C, D])
DIGESTS = st.sampled_from([ONE, TWO])
MOMENTS = st.sampled_from([None, BEFORE, SENT, AFTER])
STORED = st.builds(
    stored,
    UUIDS,
    UUIDS,
    st.sampled_from([None, ONE, TWO]),
    st.sampled_from(["applied", "rejected", "deleted"]),
    MOMENTS,
)


@settings(max_examples=1000)
@given(
    held=st.none() | STORED, new=st.builds(incoming, UUIDS, UUIDS, DIGESTS, st.booleans()), sent=st.booleans()
)
def test_the_first_row_of_the_table_that_fits_decides(held: Stored | None, new: Incoming, sent: bool) -> None:
    case = Case(held, new, SENT if sent else None)
    expected = next(decision for fits, decision in TABLE if fits(case))
    assert decide(held, new, case.sent_at, epoch=EPOCH, now=NOW) is expected


@settings(max_examples=300)
@given(held=STORED, new=st.builds(incoming, UUIDS, UUIDS, DIGESTS, st.just(value=False)))
def test_only_a_pull_brings_back_what_was_deleted(held: Stored, new: Incoming) -> None:
    gone = held._replace(state="deleted")
    assert decide(gone, new, None, epoch=EPOCH, now=NOW) is FETCH
    assert decide(gone, new, SENT, epoch=EPOCH, now=NOW) is REVIVE


@pytest.mark.parametrize("sent_at", [SENT, None])
@pytest.mark.parametrize("pushed_at", [None, BEFORE, AFTER])
@pytest.mark.parametrize("epoch", [EPOCH - 1, EPOCH + 1])
def test_what_another_epoch_wrote_is_written_anew(
    sent_at: datetime | None, pushed_at: datetime | None, epoch: int
) -> None:
    held, same = stored(pushed_at=pushed_at), incoming(digest=ONE)
    assert decide(held, same, sent_at, epoch=EPOCH, now=NOW) is UNCHANGED
    assert decide(held, same, sent_at, epoch=epoch, now=NOW) is UPDATE


@settings(max_examples=300)
@given(held=STORED, new=st.builds(incoming, UUIDS, UUIDS, DIGESTS, st.just(value=False)))
def test_what_is_decided_twice_is_unchanged(held: Stored, new: Incoming) -> None:
    decision = decide(held, new, SENT, epoch=EPOCH, now=NOW)
    if decision in (UPDATE, REVIVE):
        after = held._replace(
            uuid=new.uuid, previous_uuid=new.previous_uuid, document_digest=new.digest, state="applied"
        )
        assert decide(after, new, SENT, epoch=EPOCH, now=NOW) is UNCHANGED
        assert decide(after, new, None, epoch=EPOCH, now=NOW) is UNCHANGED


@pytest.mark.parametrize(
    ("held", "decision"),
    [
        (None, DELETE),
        (stored(), DELETE),
        (stored(state="rejected"), DELETE),
        (stored(pushed_at=BEFORE), DELETE),
        (stored(pushed_at=SENT), FETCH),
        (stored(pushed_at=AFTER), FETCH),
        (TOMBSTONE, UNCHANGED),
        (TOMBSTONE._replace(pushed_at=AFTER), UNCHANGED),
    ],
)
def test_a_submission_that_the_server_no_longer_shows(held: Stored | None, decision: Decision) -> None:
    assert decide_absent(held, SENT, NOW) is decision


@pytest.mark.parametrize(
    ("pushed_at", "now", "landed"),
    [
        (SENT, AFTER, True),
        (AFTER, AFTER, True),
        (AFTER, SENT, False),
        (SENT + timedelta(days=5 * 365), NOW, False),
        (BEFORE, BEFORE, True),
        (AFTER, BEFORE, True),
        (None, BEFORE, False),
    ],
    ids=["then", "now", "ahead", "far ahead", "set back since it was sent", "and ahead", "never pushed"],
)
def test_a_stamp_of_the_future_says_nothing(pushed_at: datetime | None, now: datetime, landed: bool) -> None:
    held = stored(pushed_at=pushed_at)
    assert decide(held, incoming(A, None), SENT, epoch=EPOCH, now=now) is (STALE if landed else UPDATE)
    assert decide_absent(held, SENT, now) is (FETCH if landed else DELETE)
