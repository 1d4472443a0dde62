"""Airflow DAG: prove that the mirror equals the server."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag

from kobo_mirror.airflow.alerts import deadline_from_env
from kobo_mirror.airflow.operators import KoboVerifyOperator
from kobo_mirror.airflow.pools import POOL
from kobo_mirror.airflow.schedules import schedule_from_env

DOC = """
### Is the mirror equal to KoboToolbox?

Compares the edit mark of every submission on the server, and every row of the database, with what the
mirror has noted of them: that is quick, and takes the mirror's own notes for true. A full proof compares
every answer on the server with every cell, too. A run is full once a week, and so is a form's first one;
where a full proof found a difference, the runs stay full until one finds none. *Compare every answer*
asks for a full one before that is due. Changes no row unless *Repair* is chosen. What arrives meanwhile
is no difference: a submission in doubt is asked for again.

```
 KoboToolbox ── every submission's edit mark ──▶ ┌────────┐ ── equal ────▶ green, and the proof is kept
 form table   ── every row, digested anew ─────▶ │ verify │ ── differs ──▶ red: trigger again with Repair
                                                 └────────┘
```

The run's note is a sentence such as `mirror equals source: 5200 submissions, 0 differences`, and the run is
green. It **fails** when anything differs, and its log names the first submissions that do: trigger it again
with *Repair*. Where it could not compare at all (the server is away, the token was refused), the page says
so beside the last proof. Submissions that do not fit the table are no difference: they are counted apart
and listed, with the reason, in the view `kobo_rejected`.

**Settings**: as for `kobo_sync`; the schedule is `KOBO_VERIFY_SCHEDULE` (a cron expression, or `none`),
`KOBO_VERIFY_FULL_EVERY_DAYS` is how many days after a full proof the next one is due (7; 0: never), and
`KOBO_VERIFY_DEADLINE_MINUTES` is when a run counts as late.
"""


@dag(
    schedule=schedule_from_env("KOBO_VERIFY_SCHEDULE", "30 2 * * *"),
    catchup=False,
    max_active_runs=1,
    deadline=deadline_from_env("KOBO_VERIFY_DEADLINE_MINUTES"),
    description="Prove that the database equals the KoboToolbox form",
    doc_md=DOC,
    tags=["kobo", "proof"],
    default_args={"owner": "data-team", "retries": 3, "retry_delay": timedelta(minutes=5), "pool": POOL},
    params={
        "full": Param(
            False,
            type="boolean",
            title="Compare every answer",
            description="Reads the whole form: slower, and blind to nothing. A run does so once a week.",
        ),
        "repair": Param(
            False,
            type="boolean",
            title="Repair",
            description="Asks the server again for what differs, writes it anew and compares once more.",
        ),
        "confirm_deletes": Param(
            None,
            type=["null", "string"],
            title="Confirm deletes",
            description="Where a repair stopped since very many submissions have gone: the code it names.",
        ),
    },
)
def kobo_verify() -> None:
    """One task: it passes or it fails."""
    KoboVerifyOperator(
        task_id="verify",
        full="{{ params.full }}",
        full_when_due=True,
        repair="{{ params.repair }}",
        confirm_deletes="{{ params.confirm_deletes }}",
    )


kobo_verify()
