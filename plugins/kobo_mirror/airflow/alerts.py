"""Alerts for runs that take too long."""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from typing import Any

from airflow.sdk.definitions.callback import SyncCallback  # airflow.sdk has them, but not for mypy
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from kobo_mirror.config.settings import http_url
from kobo_mirror.errors import ConfigurationError, KoboMirrorError

log = logging.getLogger(__name__)

_ALERT_URL = "KOBO_ALERT_URL"


def deadline_from_env(variable: str) -> DeadlineAlert | None:
    """Return the deadline of a DAG's runs, or None where the environment sets none.

    Airflow marks a run that misses it as late in its UI, and calls ``say_late``. There is no deadline by
    default, since ``airflow dags test`` of Airflow 3.3 fails on any DAG that has one.

    :param variable: the environment variable with the minutes after which a run must have ended; it may be
        unset, empty or ``none``.
    :raises ConfigurationError: it holds no number of minutes. Airflow shows this as an import error.
    """
    text = os.environ.get(variable, "").strip()
    if text.lower() in ("", "none"):
        return None
    if not text.isdecimal() or len(text) > 6 or int(text) == 0:
        raise ConfigurationError(f"{variable} must be a whole number of minutes, such as 60, or 'none'.")
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(minutes=int(text)),
        callback=SyncCallback(f"{__name__}.say_late", {"minutes": int(text)}),
        name=f"ends within {int(text)} minutes",
    )


def say_late(minutes: int, context: dict[str, Any]) -> None:
    """Log which run is late, and post the sentence to ``KOBO_ALERT_URL``, if that is set.

    It is posted as ``{"text": …}``, which the incoming webhooks of chat services accept.

    :param minutes: the deadline, in minutes after the run was queued.
    :raises ConfigurationError: ``KOBO_ALERT_URL`` holds no address.
    :raises KoboMirrorError: the address did not accept the alert.
    """
    run = context["dag_run"]
    late = f"its run {run['dag_run_id']} has not ended {minutes} minutes after its start"
    sentence = f"{run['dag_id']} is late: {late}."
    log.warning(sentence)
    if not (address := os.environ.get(_ALERT_URL, "").strip()):
        return
    try:
        url = http_url(address)
    except ValueError as problem:
        raise ConfigurationError(f"{_ALERT_URL} {problem}.") from None
    import requests

    try:
        requests.post(url, json={"text": sentence}, timeout=(5, 15)).raise_for_status()
    except requests.RequestException as problem:  # its text quotes the address, which often holds a secret
        raise KoboMirrorError(f"{_ALERT_URL} did not accept the alert ({type(problem).__name__}).") from None
