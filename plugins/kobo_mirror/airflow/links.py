"""Links on a task in Airflow's UI: to the form in KoboToolbox, and to the run on our own page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

PAGE = "/plugin/kobo-mirror"


class FormLink(BaseOperatorLink):
    """Link to the form in KoboToolbox, where its submissions are shown."""

    name = "Form in KoboToolbox"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the form's address, or an empty text where the task has not learnt which form it is."""
        return str(operator.form_address)


class RunLink(BaseOperatorLink):
    """Link to the run on our page: what it did, what it found, what was rejected."""

    name = "Run in Kobo Mirror"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the run's address on the API server that shows the link."""
        prefix = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
        return f"{prefix}{PAGE}?{urlencode({'run': run_name(ti_key.dag_id, ti_key.run_id)})}"


def run_name(dag_id: str, run_id: str) -> str:
    """Return what a run is called in ``kobo_sync_runs``, cut off at the width of that column.

    :param dag_id: the run's DAG.
    :param run_id: Airflow's id of the run.
    """
    return f"{dag_id} {run_id}"[:255]
