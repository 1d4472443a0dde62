"""Airflow DAG: bring the mirror of a KoboToolbox form up to date with the server."""

from __future__ import annotations

from airflow.sdk import dag

from kobo_mirror.airflow.alerts import deadline_from_env
from kobo_mirror.airflow.assets import RECORDS
from kobo_mirror.airflow.schedules import schedule_from_env
from kobo_mirror.airflow.sync_dag import DEFAULT_ARGS, STEPS, mode_param, params_of_a_sync, steps_of_a_sync

DOC = """
### KoboToolbox → SQL

Brings the database up to what the form shows now: new, edited and deleted submissions. A second run right
after the first changes nothing.
"""

USE = """
**To run it by hand**: ▶ Trigger. *Automatic* nearly always fits. The run's note says what came of it.

**When it fails**: the run's note says why. With a wrong token or form the run fails at once: correct the
connection `kobo_default`, whose Test button says what is wrong. If the server or the database is down,
tasks are tried again. Afterwards clear the failed task and those after it (`prepare` then runs again by
itself), or wait for the next run, which goes on where this one stopped. If very many submissions have
disappeared from the server at once, none is deleted until a person confirms it with *Confirm deletes*.

**More forms**: those that `kobo.yml` names are mirrored by `kobo_sync_all`.

**Settings**: the connections `kobo_default` (form, token, webhook) and `kobo_database`. The schedule is
`KOBO_SYNC_SCHEDULE` (a cron expression, or `none`) in the environment of the dag-processor;
`KOBO_SYNC_DEADLINE_MINUTES` is the number of minutes after which a run counts as late. The pool `kobo_api`
bounds the requests to the server: each slot is one request at a time.
"""


@dag(
    schedule=schedule_from_env("KOBO_SYNC_SCHEDULE", "*/15 * * * *"),
    catchup=False,
    max_active_runs=1,
    deadline=deadline_from_env("KOBO_SYNC_DEADLINE_MINUTES"),
    description="Bring the database up to what the KoboToolbox form shows",
    doc_md=DOC + STEPS.format(asset=RECORDS.uri) + USE,
    tags=["kobo", "sync"],
    default_args=DEFAULT_ARGS,
    params={"mode": mode_param(), **params_of_a_sync()},
)
def kobo_sync() -> None:
    """Define the steps of a sync of the form that the connection names."""
    steps_of_a_sync([RECORDS])


kobo_sync()
