"""Schedules of the DAGs, from the environment."""

from __future__ import annotations

import os
from datetime import datetime

from croniter import croniter  # type: ignore[import-untyped]

from kobo_mirror.errors import ConfigurationError


def schedule_from_env(variable: str, default: str) -> str | None:
    """Return the schedule of a DAG, or None where its runs are only started by hand.

    :param variable: the environment variable with a cron expression, a preset such as ``@daily``, or
        ``none``.
    :param default: the cron expression that holds where the variable is unset or empty.
    :raises ConfigurationError: the variable holds none of these. Airflow shows this as an import error.
    """
    text = os.environ.get(variable, "").strip() or default
    if text.lower() == "none":
        return None
    if not croniter.is_valid(text):
        raise ConfigurationError(f"{variable} must be a cron expression such as '{default}', or 'none'.")
    return text


def last_due(schedule: str, moment: datetime) -> datetime:
    """Return when a schedule was due last.

    :param schedule: a cron expression, or a preset such as ``@hourly``.
    :param moment: now (UTC, without a zone).
    """
    found: datetime = croniter(schedule, moment).get_prev(datetime)
    return found
