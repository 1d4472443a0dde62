"""Airflow DAG: bring the mirrors of all forms that kobo.yml names up to date, each by a task of its own."""

from __future__ import annotations

from airflow.sdk import dag

from kobo_mirror.airflow.alerts import deadline_from_env
from kobo_mirror.airflow.assets import FORMS as ASSETS
from kobo_mirror.airflow.dag_ids import file_of_environment
from kobo_mirror.airflow.operators import KoboOperator
from kobo_mirror.airflow.pools import further_servers, requests_at_once
from kobo_mirror.airflow.schedules import schedule_from_env
from kobo_mirror.airflow.sync_dag import (
    DEFAULT_ARGS,
    SYNC_PARAMS,
    forms_param,
    map_over_forms,
    mode_param,
    params_of_a_sync,
)

DOC = """
### All forms of kobo.yml → SQL

Brings the tables of every form that `kobo.yml` names or discovers up to what KoboToolbox shows. The form of
the connection `kobo_default` stays with `kobo_sync`, a form with `own_dag: true` with a DAG of its own.

```
 kobo.yml ──▶ ┌───────┐     ┌──────┬────────────┐
 discover ──▶ │ forms │ ──▶ │ sync │ households │ ──▶ its tables
              └───────┘     │      │ visits     │ ──▶ its tables
                            │      │ …          │
```

- **forms** chooses the forms: those that the database has before new ones, small ones before large ones, and
  of like ones first those that were read longest ago. With `discover` it asks the account which forms it
  has.
- **sync** reads one form: the whole sync of `kobo_sync` in one task, named after the form's table. One that
  fails (a token that was refused, a form that was deleted, a lease that another run holds) fails alone and is
  tried again alone; its tables stay as they are. Where the account's forms could not be listed, the task
  `discover:` says why, and the forms that are known go on.

A form with a `schedule` of its own is left out until it is due; by hand all are read. Forms of a further
server are read by tasks named after it, in a pool of their own.

**To run it by hand**: ▶ Trigger. *Forms* chooses some by table or uid. A code for deletes or for a plan
chooses the form that it is about.

**When it fails**: the run's note names the forms that failed, and why. Clear their tasks, or wait for the
next run.

**Settings**: as for `kobo_sync`, and `kobo.yml`, which the dag-processor and the workers find by
`KOBO_FORMS_FILE`. `KOBO_SYNC_SCHEDULE` is the schedule, unless `defaults: schedule:` says another one.
"""

FILE = file_of_environment()
USUAL = schedule_from_env("KOBO_SYNC_SCHEDULE", "*/15 * * * *")


@dag(
    schedule=(USUAL and (FILE.defaults.schedule or USUAL)) if FILE.names_forms else None,
    catchup=False,
    max_active_runs=1,
    deadline=deadline_from_env("KOBO_SYNC_DEADLINE_MINUTES"),
    description="Bring the tables of all forms that kobo.yml names up to what KoboToolbox shows",
    doc_md=DOC,
    tags=["kobo", "sync"],
    default_args=DEFAULT_ARGS,
    params={
        "forms": forms_param("Only these forms are read."),
        "mode": mode_param(single=False),
        **params_of_a_sync(),
    },
)
def kobo_sync_all() -> None:
    """Define a choice of forms for each server, and the tasks that are mapped over it."""
    code = "{{ params.confirm_deletes or params.apply_plan or params.decline_plan }}"
    map_over_forms(
        "sync",
        KoboOperator,
        further_servers(FILE),
        {"code": code, "about_one": "{{ params.since_id }}"},
        pool_slots=requests_at_once(),
        page_size="{{ params.page_size }}",
        outlets=[ASSETS],
        **SYNC_PARAMS,
    )


kobo_sync_all()
