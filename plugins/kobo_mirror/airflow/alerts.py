"""Who is told when a run takes too long."""

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
    """The minutes after its start within which a run must have ended; None: it may take its time.

    A run that is late is marked so in Airflow's UI, and ``say_late`` tells people. Unset means None, since
    ``airflow dags test`` of Airflow 3.3 fails on any DAG that has a deadline.

    :raises ConfigurationError: the variable holds no such number. Airflow shows it as an import error.
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
    """Say which run is late: in the log, and to ``KOBO_ALERT_URL`` as ``{"text": …}``, which chats take.

    :raises ConfigurationError: that is no address.
    :raises KoboMirrorError: the address does not take it.
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
    except requests.RequestException as problem:  # its sentence names the address, often a secret
        raise KoboMirrorError(f"{_ALERT_URL} did not take the alert ({type(problem).__name__}).") from None
