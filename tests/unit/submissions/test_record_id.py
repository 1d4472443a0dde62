from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.submissions.shaped import record_id
from tests.support.submissions import MIRROR, edited, state, submission

MOMENT = datetime(2026, 11, 23, 16, 19, 5)  # noqa: DTZ001  # UTC, as DATETIME holds it
SECONDS = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9960, 1, 1)).map(  # noqa: DTZ001  # UTC
    lambda moment: moment.replace(microsecond=0)
)


def test_it_is_the_same_for_ever() -> None:
    assert record_id(MIRROR, 7, MOMENT).hex() == "01a2093430a88c63afa59d295ba3ce1a"


def test_it_is_a_uuid_of_version_8_with_the_time_in_its_first_48_bits() -> None:
    found = uuid.UUID(bytes=record_id(MIRROR, 7, MOMENT))
    assert (found.version, found.variant) == (8, uuid.RFC_4122)
    assert found.int >> 80 == int((MOMENT - datetime(1970, 1, 1)).total_seconds() * 1000)  # noqa: DTZ001  # UTC


@given(moment=SECONDS, kobo_id=st.integers(min_value=1, max_value=2**63 - 1))
def test_every_one_is_a_uuid_of_version_8(moment: datetime, kobo_id: int) -> None:
    found = uuid.UUID(bytes=record_id(MIRROR, kobo_id, moment))
    assert (found.version, found.variant) == (8, uuid.RFC_4122)


@given(
    first=SECONDS,
    later=st.integers(min_value=1, max_value=10**9),
    ids=st.tuples(st.integers(1, 2**63 - 1), st.integers(1, 2**63 - 1)),
)
def test_it_ascends_with_the_time_of_submission(first: datetime, later: int, ids: tuple[int, int]) -> None:
    assert record_id(MIRROR, ids[0], first) < record_id(MIRROR, ids[1], first + timedelta(seconds=later))


def test_a_time_before_1970_sorts_before_all_others() -> None:
    long_ago = datetime(1955, 3, 1)  # noqa: DTZ001  # UTC
    assert record_id(MIRROR, 7, long_ago) < record_id(MIRROR, 7, MOMENT)


@given(ids=st.sets(st.integers(1, 10**9), min_size=2, max_size=50))
def test_two_submissions_of_one_second_have_two_ids(ids: set[int]) -> None:
    assert len({record_id(MIRROR, kobo_id, MOMENT) for kobo_id in ids}) == len(ids)


def test_it_depends_on_server_form_and_submission_and_on_nothing_else() -> None:
    mine = record_id(MIRROR, 7, MOMENT)
    assert record_id(Mirror(KOBO_RECORDS, "https://other.example", MIRROR.asset_uid), 7, MOMENT) != mine
    assert record_id(Mirror(KOBO_RECORDS, MIRROR.server, "aOtherForm000000000001"), 7, MOMENT) != mine
    first, second = state(submission(7)), state(edited(submission(7), age="40", unique_id="U-2"))
    assert first.row is not None
    assert second.row is not None
    assert first.row[0] == second.row[0] == mine
