"""Airflow DAG: prove that the mirror equals the server."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag

from kobo_mirror.airflow.operators import KoboOperator
from kobo_mirror.airflow.schedules import schedule_from_env

DOC = """
### Is the mirror equal to KoboToolbox?

Reads every submission from the server and compares it with every cell of the database. Writes nothing. What
arrives meanwhile is no difference: a submission in doubt is asked for again.

The log ends with a sentence such as `mirror equals source: 5200 submissions, 0 differences`, and the run is
green. It **fails** when anything differs, and names the first submissions that do: then run `kobo_sync` with
*Thorough*, and this again. Submissions that do not fit the table are no difference: they are counted apart
and listed, with the reason, in the view `kobo_rejected`.

**Settings**: as for `kobo_sync`; the schedule is `KOBO_VERIFY_SCHEDULE` (a cron expression, or `none`).
"""


@dag(
    schedule=schedule_from_env("KOBO_VERIFY_SCHEDULE", "30 2 * * *"),
    catchup=False,
    max_active_runs=1,
    description="Prove that the database equals the KoboToolbox form",
    doc_md=DOC,
    tags=["kobo", "proof"],
    default_args={"owner": "data-team", "retries": 3, "retry_delay": timedelta(minutes=5)},
)
def kobo_verify() -> None:
    """One task: it passes or it fails."""
    KoboOperator(task_id="verify", step="verify")


kobo_verify()
