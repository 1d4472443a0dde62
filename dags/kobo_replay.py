"""Airflow DAG: process dead letters again, and ask KoboToolbox again for rejected submissions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag

from kobo_mirror.airflow.dag_ids import servers_of_environment
from kobo_mirror.airflow.operators import KoboReplayOperator
from kobo_mirror.airflow.pools import POOL
from kobo_mirror.airflow.sync_dag import forms_param, map_over_forms

DOC = """
### Try again what was refused

Use this after the cause was removed: a *rejection* is a submission that did not fit its table and has been
corrected in KoboToolbox; a *dead letter* is a delivery that the webhook could not store as a submission.
*Replay selected* on the page *Browse → Kobo Mirror* starts this DAG for the selected ones. ▶ Trigger
without ids tries all of them.

```
 rejections   ── KoboToolbox is asked for them again ──▶ ┌────────┐ ── fits ─────────▶ the tables
 dead letters ── their bodies, as they were posted ────▶ │ replay │ ── does not fit ─▶ stays where it is
                                                         └────────┘
```

- **forms** chooses the forms: that of the connection, and all that `kobo.yml` names. Ids are those of one
  form: without *Forms* that of the connection.
- **replay** does it for one form, and is named after its table.

The run's note says what became of them, such as `2 of 3 replayed: 2 mended (412901, 412907), 1 rejected
(412950: it does not fit the table)`; the task's log has a line for each, with the reason. Like a sync, a
replay of rejections needs the form's lease: while a sync runs, the task is tried again until the sync has
ended.
"""

_IDS: dict[str, Any] = {
    "type": ["null", "array"],
    "items": {"type": "integer", "minimum": 0},
    "maxItems": 500,
}


@dag(
    schedule=None,
    max_active_runs=1,
    description="Process dead letters again, and ask again for rejected submissions",
    doc_md=DOC,
    tags=["kobo", "replay"],
    default_args={
        "owner": "data-team",
        "pool": POOL,
        "retries": 8,
        "retry_delay": timedelta(seconds=10),
        "retry_exponential_backoff": 2,
        "max_retry_delay": timedelta(minutes=5),
    },
    params={
        "forms": forms_param("Only what was refused of these forms is tried again."),
        "rejections": Param(
            None,
            **_IDS,
            title="Rejections",
            description="The _id of each submission to ask for again. No ids here and below: all that wait.",
        ),
        "dead_letters": Param(
            None,
            **_IDS,
            title="Dead letters",
            description="The id of each dead letter to process again.",
        ),
    },
)
def kobo_replay() -> None:
    """Define a choice of forms for each server, and the tasks that replay what was refused of each."""
    ids = "{{ (params.rejections or []) + (params.dead_letters or []) }}"
    map_over_forms(
        "replay",
        KoboReplayOperator,
        servers_of_environment(),
        {"about_one": ids, "purpose": "replay"},
        rejections="{{ params.rejections }}",
        dead_letters="{{ params.dead_letters }}",
    )


kobo_replay()
