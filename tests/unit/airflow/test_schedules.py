from __future__ import annotations

import pytest

from kobo_mirror.airflow.schedules import schedule_from_env
from kobo_mirror.config.forms_file import parse_forms_file
from kobo_mirror.errors import ConfigurationError


@pytest.mark.parametrize(
    ("given", "schedule"),
    [
        (None, "*/15 * * * *"),
        ("", "*/15 * * * *"),
        (" 5 * * * * ", "5 * * * *"),
        ("@daily", "@daily"),
        ("none", None),
        ("None", None),
    ],
)
def test_the_environment_sets_the_schedule(
    monkeypatch: pytest.MonkeyPatch, given: str | None, schedule: str | None
) -> None:
    if given is not None:
        monkeypatch.setenv("KOBO_SYNC_SCHEDULE", given)
    assert schedule_from_env("KOBO_SYNC_SCHEDULE", "*/15 * * * *") == schedule


@pytest.mark.parametrize("given", ["every now and then", "61 * * * *", "0 0 31 2 *"])
def test_a_malformed_schedule_names_its_variable(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("KOBO_SYNC_SCHEDULE", given)
    with pytest.raises(ConfigurationError, match="KOBO_SYNC_SCHEDULE must be a cron expression"):
        schedule_from_env("KOBO_SYNC_SCHEDULE", "*/15 * * * *")


@pytest.mark.parametrize(
    "schedule",
    [
        "@hourly", "@daily", "@weekly", "@monthly", "@yearly", "*/15 * * * *", "0 6-18/2 * * mon-fri",
        "5 4 1,15 * *", "0 0 29 2 *", "0 0 L * *", "0 0 * * 5#2", "0 0 * * L5", "0 0 1 MAR thu", "0 0 * * 7",
    ],
)  # fmt: skip
def test_what_the_file_takes_airflow_takes(schedule: str) -> None:
    from airflow.timetables.trigger import CronTriggerTimetable

    (entry,) = parse_forms_file("kobo.yml", f'forms:\n- schedule: "{schedule}"'.encode()).entries
    assert entry.schedule == schedule
    CronTriggerTimetable(schedule, timezone="UTC").validate()
