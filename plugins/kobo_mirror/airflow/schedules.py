"""When a DAG runs, as the environment says."""

from __future__ import annotations

import os

from croniter import croniter  # type: ignore[import-untyped]  # it has no types

from kobo_mirror.errors import ConfigurationError


def schedule_from_env(variable: str, default: str) -> str | None:
    """A cron expression or a preset such as ``@daily``; None (``none``): runs are only started by hand.

    :raises ConfigurationError: the variable holds neither. Airflow shows it as an import error.
    """
    text = os.environ.get(variable, "").strip() or default
    if text.lower() == "none":
        return None
    if not croniter.is_valid(text):
        raise ConfigurationError(f"{variable} must be a cron expression such as '{default}', or 'none'.")
    return text
