"""Airflow DAG: list the forms that the account of the connection may see."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag

from kobo_mirror.airflow.operators import KoboFormsOperator
from kobo_mirror.airflow.pools import POOL

DOC = """
### Which forms may this account see?

▶ Trigger this DAG. The run's note, the task's log and the page *Browse → Kobo Mirror → Add a form* list the
forms of the account whose token is in the connection `kobo_default`: uid, name and number of submissions.

```
 kobo_default (server, API token) ──▶ forms ──▶ the run's note:  aBcD…: Client survey (5,200 submissions)
```

Copy the uid of the form that you want to mirror into the field *Form* of that connection, and press its
Test button. Until then the field may be empty or wrong.

To mirror further forms, press *Add* beside each on that page, or trigger this DAG with their uids in *Add*:
they are named in the file `kobo.yml`, where the task may write it. Otherwise the page shows the lines to add.
"""


@dag(
    schedule=None,
    max_active_runs=1,
    description="List the forms that the account may see, with their uids",
    doc_md=DOC,
    tags=["kobo", "set-up"],
    default_args={"owner": "data-team", "retries": 1, "retry_delay": timedelta(seconds=10), "pool": POOL},
    params={
        "add": Param(
            None,
            type=["null", "array"],
            items={"type": "string", "pattern": "^[A-Za-z0-9]{8,40}$"},
            maxItems=100,
            title="Add",
            description="The uids of forms to name in kobo.yml: they are mirrored from then on. Empty: none.",
        ),
    },
)
def kobo_forms() -> None:
    """Define the only task, which lists the forms in its log and in the run's note."""
    KoboFormsOperator(task_id="forms", add="{{ params.add | tojson }}")


kobo_forms()
