"""By when a form must have been read: the last round that began, and its own schedule before that."""

from __future__ import annotations

from datetime import datetime

import pytest

from kobo_mirror.config.schedules import Schedules, is_schedule, last_due


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-29T{text}")


@pytest.mark.parametrize(
    ("schedule", "moment", "due"),
    [
        ("@daily", "12:00:05", "00:00"),
        ("0 * * * *", "12:00:05", "12:00"),
        ("0 * * * *", "12:00", "12:00"),
        ("0 * * * *", "11:59:59.999999", "11:00"),
        ("*/15 * * * *", "12:14:59", "12:00"),
    ],
)
def test_when_a_schedule_was_due_last(schedule: str, moment: str, due: str) -> None:
    assert last_due(schedule, at(moment)) == at(due)


@pytest.mark.parametrize(
    ("schedules", "due"),
    [
        (("", ""), "12:30"),
        (("@hourly", ""), "12:00"),
        (
            ("@hourly", "1 * * * *"),
            "11:01",
        ),  # the round at 13:00 is the first to read what is due since 12:01
        (("@hourly", "0 * * * *"), "12:00"),
        (("@hourly", "*/5 * * * *"), "12:00"),  # rounds read it no more often than they come
        (("", "0 3 * * *"), "03:00"),
        (("@daily", "0 3 * * *"), None),
    ],
)
def test_a_form_is_due_by_the_last_round_that_was_to_read_it(
    schedules: tuple[str, str], due: str | None
) -> None:
    expected = at(due) if due else at("03:00").replace(day=28)
    assert Schedules(*schedules).due(at("12:34:56"), "*/15 * * * *") == expected


def test_without_any_schedule_a_form_is_to_be_read_after_that_moment() -> None:
    assert Schedules().due(at("12:34")) == at("12:34")
    assert Schedules(own="@hourly").due(at("12:34")) == at("12:00")


def test_what_is_no_schedule_is_known_quickly() -> None:
    assert not any(map(is_schedule, ("", "banana", "61 * * * *", "0 0 31 2 *", "@once", "9" * 400)))
