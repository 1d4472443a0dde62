"""Airflow DAG: bring the mirror of a KoboToolbox form up to date with the server."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, TaskGroup, dag

from kobo_mirror.airflow.alerts import deadline_from_env
from kobo_mirror.airflow.assets import RECORDS
from kobo_mirror.airflow.operators import (
    KoboPlanOperator,
    KoboPrepareOperator,
    KoboPublishOperator,
    KoboPullOperator,
    KoboReconcileOperator,
    KoboRegisterOperator,
    KoboReleaseOperator,
)
from kobo_mirror.airflow.pools import POOL, requests_at_once
from kobo_mirror.airflow.schedules import schedule_from_env

DOC = """
### KoboToolbox → SQL

Brings the database up to what the form shows now: new, edited and deleted submissions. A second run right
after the first changes nothing.

```
      Get ready              Read what is new      Compare and settle     Finish
 ┌──────────────────────┐  ┌────────────────────┐  ┌────────────────┐  ┌───────────┐
 │ prepare              │─▶│ plan ─▶ pull 1…n   │─▶│ reconcile      │─▶│ publish   │─▶ the tables
 │ └▶ register_webhook  │  │         │          │  │ │              │  │ release   │
 └────│─────────────────┘  └─────────│──────────┘  └─│──────────────┘  └───────────┘
      ▼ post to us                   ▼ pages         ▼ what changed, what is gone?
 ─────────────────────────────── KoboToolbox ───────────────────────────────────────
```

- **prepare** checks the token and the form, takes the form's lease, which lets only one sync of a form run
  at a time, and creates missing tables, also those that a new version of the form needs. A change that
  would empty columns waits for a person: *Apply plan* applies it, *Decline plan* leaves the tables as they
  are; both take the code that the run's note and the page name.
- **register_webhook** registers the webhook as a REST Service of the form, so that KoboToolbox posts new
  submissions to it; later runs find it registered and change nothing. The task is skipped if no endpoint is
  set or the account lacks the right. The sync does not wait for it.
- **plan** divides what is to be read into lanes (ranges of ids). A large first load is spread over several
  `pull` tasks.
- **pull** reads the lanes page by page and commits each page with its position: a retry goes on from there.
- **reconcile** asks the server again for every submission that may be out of date, and deletes those that
  are proven to be gone there. An exact run compares all submissions with the server first.
- **publish** closes the run and publishes its counts, also to DAGs that are scheduled on the asset
  `kobo://mirror/kobo_records`, which stands for the form whatever its tables are called.
- **release** notes why a run failed, and gives the lease back so that the next run can start.

**To run it by hand**: ▶ Trigger. *Automatic* nearly always fits. The run's note says what came of it.

**When it fails**: the run's note says why. With a wrong token or form the run fails at once: correct the
connection `kobo_default`, whose Test button says what is wrong. If the server or the database is down,
tasks are tried again. Afterwards clear the failed task and those after it (`prepare` then runs again by
itself), or wait for the next run, which goes on where this one stopped. If very many submissions have
disappeared from the server at once, none is deleted until a person confirms it with *Confirm deletes*.

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
    doc_md=DOC,
    tags=["kobo", "sync"],
    default_args={
        "owner": "data-team",
        "pool": POOL,
        "retries": 5,
        "retry_delay": timedelta(seconds=10),
        "retry_exponential_backoff": 2,
        "max_retry_delay": timedelta(minutes=5),
    },
    params={
        "mode": Param(
            "auto",
            title="What to do",
            enum=["auto", "incremental", "exact", "again", "check", "usual"],
            values_display={
                "auto": "Automatic (recommended)",
                "incremental": "Incremental: new submissions, and those that may be out of date",
                "exact": "Thorough: compare everything, also edits and deletions",
                "again": "Everything: read the whole form again",
                "check": "Only check: compare, and change nothing",
                "usual": "Incremental, by its former name",
            },
            description="Automatic compares everything for small forms, for large ones at least once a day.",
        ),
        "page_size": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            maximum=30_000,
            title="Submissions per request",
            description="Empty: as the connection says. Smaller pages help if the server is slow.",
        ),
        "since_id": Param(
            None,
            type=["null", "integer"],
            minimum=0,
            title="Read again since submission",
            description="Reads every submission with a higher _id again; 0: all. Empty: only new ones.",
        ),
        "confirm_deletes": Param(
            None,
            type=["null", "string"],
            title="Confirm deletes",
            description="If a run stopped because very many submissions are gone: the code that it named.",
        ),
        "apply_plan": Param(
            None,
            type=["null", "string"],
            title="Apply plan",
            description="If a change of the form's tables waits: its code, which the run's note and the page "
            "name. The steps of this very plan are applied.",
        ),
        "decline_plan": Param(
            None,
            type=["null", "string"],
            title="Decline plan",
            description="The same code, to leave the tables as they are.",
        ),
        "schema": Param(
            "kobo.yml",
            title="Changes of the form's tables",
            enum=["kobo.yml", "additive", "review", "auto"],
            values_display={
                "kobo.yml": "As kobo.yml says (recommended)",
                "additive": "What would empty columns waits for a person",
                "review": "All wait for a person",
                "auto": "None waits",
            },
            description="What this run does if the form has a new version. Without kobo.yml: only what would "
            "empty columns waits.",
        ),
    },
)
def kobo_sync() -> None:
    """Define the steps of a sync, in groups; the id of a task does not contain its group's."""
    with TaskGroup("get_ready", group_display_name="Get ready", prefix_group_id=False):
        prepare = KoboPrepareOperator(
            task_id="prepare",
            mode="{{ params.mode }}",
            since_id="{{ params.since_id }}",
            confirm_deletes="{{ params.confirm_deletes }}",
            apply_plan="{{ params.apply_plan }}",
            decline_plan="{{ params.decline_plan }}",
            schema="{{ params.schema }}",
        )
        prepare.as_setup()  # type: ignore[no-untyped-call]  # Airflow gives it no types
        register = KoboRegisterOperator(task_id="register_webhook")
    run_handle = prepare.output
    with TaskGroup("read_what_is_new", group_display_name="Read what is new", prefix_group_id=False):
        plan = KoboPlanOperator(task_id="plan", run_handle=run_handle, groups=2)
        pull = KoboPullOperator.partial(
            task_id="pull",
            run_handle=run_handle,
            page_size="{{ params.page_size }}",
            pool_slots=requests_at_once(),
        ).expand_kwargs(plan.output)
    with TaskGroup("compare_and_settle", group_display_name="Compare and settle", prefix_group_id=False):
        reconcile = KoboReconcileOperator(
            task_id="reconcile",
            run_handle=run_handle,
            confirm_deletes="{{ params.confirm_deletes }}",
        )
    with TaskGroup("finish", group_display_name="Finish", prefix_group_id=False):
        publish = KoboPublishOperator(task_id="publish", run_handle=run_handle, outlets=[RECORDS])
        release = KoboReleaseOperator(task_id="release", run_handle=run_handle).as_teardown(setups=prepare)
    prepare >> register >> release
    pull >> reconcile >> publish >> release


kobo_sync()
