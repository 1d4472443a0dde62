"""Airflow DAG: list the forms that the account of the connection may see."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag

from kobo_mirror.airflow.operators import KoboFormsOperator
from kobo_mirror.airflow.pools import POOL

DOC = """
### Which forms may this account see?

▶ Trigger this DAG. The run's note and the task's log list the forms of the account whose token is in the
connection `kobo_default`: uid, name and number of submissions.

```
 kobo_default (server, API token) ──▶ forms ──▶ the run's note:  aBcD…: Client survey (5,200 submissions)
```

Copy the uid of the form that you want to mirror into the field *Form* of that connection, and press its
Test button. Until then the field may be empty or wrong. This DAG reads only the list, and writes nothing.
"""


@dag(
    schedule=None,
    max_active_runs=1,
    description="List the forms that the account may see, with their uids",
    doc_md=DOC,
    tags=["kobo", "set-up"],
    default_args={"owner": "data-team", "retries": 1, "retry_delay": timedelta(seconds=10), "pool": POOL},
)
def kobo_forms() -> None:
    """Define the only task, which lists the forms in its log and in the run's note."""
    KoboFormsOperator(task_id="forms")


kobo_forms()
