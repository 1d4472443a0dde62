"""Airflow DAG: prove that the mirror equals the server."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag

from kobo_mirror.airflow.alerts import deadline_from_env
from kobo_mirror.airflow.dag_ids import servers_of_environment
from kobo_mirror.airflow.operators import KoboVerifyOperator
from kobo_mirror.airflow.pools import POOL
from kobo_mirror.airflow.schedules import schedule_from_env
from kobo_mirror.airflow.sync_dag import forms_param, map_over_forms

DOC = """
### Is the mirror equal to KoboToolbox?

A *quick* proof compares the edit token of every submission on the server, and the digest of every row in
the database, with the mirror's ledger. It relies on the ledger being right. A *full* proof also compares
every answer on the server with its cell. The first proof of a form is full, then one a week; after a full
proof that found a difference, every proof is full until one finds none. *Compare every answer* makes this
run a full one. No row is changed unless you choose *Repair*. Submissions that arrive during the run are not
counted as differences: a submission that seems to differ is asked for again before it counts.

```
 KoboToolbox ── edit token of each submission ──▶ ┌────────┐ ── equal ────▶ green, and the proof is kept
 the tables  ── digest of each row ─────────────▶ │ verify │ ── differs ──▶ red: trigger again with Repair
                                                  └────────┘
```

The run's note is a sentence such as `mirror equals source: 5200 submissions, 0 differences`, and the run is
green. The run **fails** if anything differs, and its log names the first submissions that do: trigger it
again with *Repair*. If the comparison was impossible (the server is down, the token was refused), the page
says so beside the last proof. Submissions that do not fit the table do not count as differences: they are
counted apart, and the view `kobo_rejected` lists them with the reasons.

- **forms** chooses the forms: that of the connection, and all that `kobo.yml` names.
- **verify** proves one form, and is named after its table. One that differs fails alone.

**Settings**: as for `kobo_sync`; the schedule is `KOBO_VERIFY_SCHEDULE` (a cron expression, or `none`),
`KOBO_VERIFY_FULL_EVERY_DAYS` is the number of days after which a full proof is due again (7; 0: never), and
`KOBO_VERIFY_DEADLINE_MINUTES` the number of minutes after which a run counts as late.
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
        "forms": forms_param("Only these forms are compared."),
        "full": Param(
            False,
            type="boolean",
            title="Compare every answer",
            description="Reads the whole form: slower, but overlooks nothing. One run a week does so.",
        ),
        "repair": Param(
            False,
            type="boolean",
            title="Repair",
            description="Asks the server again for what differs, writes it again, and compares once more.",
        ),
        "confirm_deletes": Param(
            None,
            type=["null", "string"],
            title="Confirm deletes",
            description="If a repair stopped because very many submissions are gone: the code it named.",
        ),
    },
)
def kobo_verify() -> None:
    """Define a choice of forms for each server, and the tasks that prove one each."""
    map_over_forms(
        "verify",
        KoboVerifyOperator,
        servers_of_environment(),
        {"code": "{{ params.confirm_deletes }}", "purpose": "verify"},
        full="{{ params.full }}",
        full_when_due=True,
        repair="{{ params.repair }}",
        confirm_deletes="{{ params.confirm_deletes }}",
    )


kobo_verify()
