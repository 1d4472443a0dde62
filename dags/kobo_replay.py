"""Airflow DAG: take dead letters once more, and ask again for what was rejected."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag

from kobo_mirror.airflow.operators import KoboReplayOperator
from kobo_mirror.airflow.pools import POOL

DOC = """
### What could not be taken, once more

For what was mended since: a submission that did not fit the table and was corrected in KoboToolbox, a
body that the webhook could not take. *Replay selected* on the page *Browse → Kobo Mirror* starts this DAG
for what is selected there; ▶ Trigger without an id takes all that wait.

```
 rejections   ── KoboToolbox is asked for them again ──▶ ┌────────┐ ── fits ─────────▶ form table
 dead letters ── their bodies, as they were posted ────▶ │ replay │ ── does not fit ─▶ stays where it is
                                                         └────────┘
```

The run's note says what became of them, such as `2 of 3 replayed: 2 mended (412901, 412907), 1 rejected
(412950: it does not fit the table)`, the log of its task has a line for each, with the reason. Rejections
need the form's lease, as a sync does: while a sync runs, the task is tried again until that has ended.
"""

_IDS: dict[str, Any] = {
    "type": ["null", "array"],
    "items": {"type": "integer", "minimum": 0},
    "maxItems": 500,
}


@dag(
    schedule=None,
    max_active_runs=1,
    description="Take dead letters once more, and ask again for what was rejected",
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
        "rejections": Param(
            None,
            **_IDS,
            title="Rejections",
            description="The _id of each submission to ask for again. No id here nor below: all that wait.",
        ),
        "dead_letters": Param(
            None,
            **_IDS,
            title="Dead letters",
            description="The id of each dead letter to take once more.",
        ),
    },
)
def kobo_replay() -> None:
    """One task: its result is the run's note."""
    KoboReplayOperator(
        task_id="replay",
        rejections="{{ params.rejections }}",
        dead_letters="{{ params.dead_letters }}",
    )


kobo_replay()
