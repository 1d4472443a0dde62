from __future__ import annotations

import pytest

from kobo_mirror.airflow.schedules import schedule_from_env
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


def test_a_malformed_schedule_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOBO_SYNC_SCHEDULE", "every now and then")
    with pytest.raises(ConfigurationError, match="KOBO_SYNC_SCHEDULE must be a cron expression"):
        schedule_from_env("KOBO_SYNC_SCHEDULE", "*/15 * * * *")
