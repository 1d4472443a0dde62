"""Airflow DAG: bring the mirror of a KoboToolbox form up to the server."""

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

Makes the database show what the form shows now: new, edited and deleted submissions. Running it twice changes
nothing.

```
      Get ready              Read what is new      Compare and settle     Finish
 ┌──────────────────────┐  ┌────────────────────┐  ┌────────────────┐  ┌───────────┐
 │ prepare              │─▶│ plan ─▶ pull 1…n   │─▶│ reconcile      │─▶│ publish   │─▶ form table
 │ └▶ register_webhook  │  │         │          │  │ │              │  │ release   │
 └────│─────────────────┘  └─────────│──────────┘  └─│──────────────┘  └───────────┘
      ▼ post to us                   ▼ pages         ▼ what changed, what is gone?
 ─────────────────────────────── KoboToolbox ───────────────────────────────────────
```

- **prepare** makes what the database lacks of our tables, checks the token and the form and takes the
  lease: only one sync of a form runs at a time.
- **register_webhook** has KoboToolbox post new submissions to the webhook. It does so once; then it says that
  all is well. Skipped where no endpoint is set or the account may not do that; the sync never waits for it.
- **plan** cuts what is to be read into lanes; a large first load is spread over several `pull` tasks.
- **pull** reads the lanes page by page, each page committed with its place: a retry goes on where it stopped.
- **reconcile** compares all submissions with the server, if the run is exact, settles what is in doubt, and
  deletes what is proven to be gone there.
- **publish** closes the run and tells its counts, also to whatever waits for the form table's asset.
- **release**, after a failure, notes the reason with the run and lets the next one start.

**To run it by hand**: ▶ Trigger. *Automatic* nearly always fits. The run's note says what came of it.

**When it fails**: the run's note says why in a sentence. A wrong token or form fails at once: mend
the connection `kobo_default`, whose Test button says what is wrong. A server or a database that is away
is tried again. Then clear the failed task and those after it (`prepare` runs again by itself), or wait
for the next run: it goes on where this one stopped. Where very many submissions have gone at once,
nothing is deleted until a person says that it is meant, by *Confirm deletes*.

**Settings**: the connections `kobo_default` (form, token, webhook) and `kobo_database`. The schedule is
`KOBO_SYNC_SCHEDULE` (a cron expression, or `none`) in the environment of the dag-processor, and
`KOBO_SYNC_DEADLINE_MINUTES` is when a run counts as late. Requests to the server are bounded by the pool
`kobo_api`: a slot is a request at once.
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
                "incremental": "Incremental: new submissions, and those that wait to be asked for again",
                "exact": "Thorough: compare everything, also edits and deletions",
                "again": "Everything again: read the whole form anew",
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
            description="Empty: as the connection says. Smaller pages help where the server is slow.",
        ),
        "since_id": Param(
            None,
            type=["null", "integer"],
            minimum=0,
            title="Read again since submission",
            description="Reads every submission after this _id again; 0: all of them. Empty: what is new.",
        ),
        "confirm_deletes": Param(
            None,
            type=["null", "string"],
            title="Confirm deletes",
            description="Where a run stopped since very many submissions have gone: the code that it names.",
        ),
    },
)
def kobo_sync() -> None:
    """Wire the steps of a sync. The groups tell the story; a task's id is the same with and without them."""
    with TaskGroup("get_ready", group_display_name="Get ready", prefix_group_id=False):
        prepare = KoboPrepareOperator(
            task_id="prepare",
            mode="{{ params.mode }}",
            since_id="{{ params.since_id }}",
            confirm_deletes="{{ params.confirm_deletes }}",
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
