"""Schedules of the DAGs, from the environment."""

from __future__ import annotations

import os

from kobo_mirror.config.schedules import is_schedule
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
    if not is_schedule(text):
        raise ConfigurationError(f"{variable} must be a cron expression such as '{default}', or 'none'.")
    return text
