"""What the DAGs of a sync share: their steps, Params and default arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, AssetAlias, Param, TaskGroup

from kobo_mirror.airflow.operators import (
    KoboChooseOperator,
    KoboOperator,
    KoboPlanOperator,
    KoboPrepareOperator,
    KoboPublishOperator,
    KoboPullOperator,
    KoboReconcileOperator,
    KoboRegisterOperator,
    KoboReleaseOperator,
)
from kobo_mirror.airflow.pools import POOL, pool_of, requests_at_once

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "data-team",
    "pool": POOL,
    "retries": 5,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": 2,
    "max_retry_delay": timedelta(minutes=5),
}
"""Default arguments of the tasks of a sync."""

STEPS = """
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
  `{asset}`.
- **release** notes why a run failed, and gives the lease back so that the next run can start.
"""
"""What the steps do, in Markdown; ``{asset}`` is the address of the asset."""


def mode_param(*, single: bool = True) -> Param:
    """Return the Param that says how much a sync reads.

    :param single: the DAG is of one form: it can be compared only, too.
    """
    modes = {
        "auto": "Automatic (recommended)",
        "incremental": "Incremental: new submissions, and those that may be out of date",
        "exact": "Thorough: compare everything, also edits and deletions",
        "again": "Everything: read the whole form again",
    }
    if single:
        modes |= {
            "check": "Only check: compare, and change nothing",
            "usual": "Incremental, by its former name",
        }
    return Param(
        "auto",
        title="What to do",
        enum=list(modes),
        values_display=modes,
        description="Automatic compares everything for small forms, for large ones at least once a day.",
    )


def params_of_a_sync() -> dict[str, Param]:
    """Return the Params of each DAG of a sync beside its mode."""
    return {
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
    }


def forms_param(description: str) -> Param:
    """Return the Param that chooses forms.

    :param description: what is done with them.
    """
    return Param(
        None,
        type=["null", "array"],
        items={"type": "string", "minLength": 1, "maxLength": 64},
        maxItems=1000,
        title="Forms",
        description=f"{description} Tables or uids. Empty: all.",
    )


def task_name(step: str, server: str) -> str:
    """Return the id of a task that is there once for each server.

    :param step: what it does.
    :param server: one of ``further_servers``; empty: that of the connection, and of all forms.
    """
    return step + pool_of(server).removeprefix(POOL)


def map_over_forms(
    step: str,
    operator: type[KoboOperator],
    servers: Sequence[str],
    choice: Mapping[str, Any],
    **arguments: Any,
) -> None:
    """Define a choice of forms for each server, and the tasks of an operator that are mapped over it.

    :param step: what a task does; it is named after its form.
    :param operator: of these tasks.
    :param servers: those of ``further_servers``; the others' forms are chosen together.
    :param choice: further arguments of ``KoboChooseOperator``.
    :param arguments: further arguments of the operator.
    """
    for server in ("", *servers):
        pool = pool_of(server)
        forms = KoboChooseOperator(
            task_id=task_name("forms", server),
            pool=pool,
            forms="{{ params.forms | tojson }}",
            server=server,
            others=servers,
            **choice,
        )
        operator.partial(
            task_id=task_name(step, server),
            pool=pool,
            map_index_template="{{ task.form_name }}",
            **arguments,
        ).expand_kwargs(forms.output)


SYNC_PARAMS = {
    name: f"{{{{ params.{name} }}}}"
    for name in ("mode", "since_id", "confirm_deletes", "apply_plan", "decline_plan", "schema")
}
"""What a sync begins with, as templates of the Params."""


def steps_of_a_sync(
    outlets: Sequence[Asset | AssetAlias], *, form: str | None = None, further: bool = False
) -> None:
    """Define the steps of a sync, in groups; the id of a task does not contain its group's.

    :param outlets: what is told of the counts.
    :param form: as for ``KoboOperator``.
    :param further: as for ``KoboPrepareOperator``.
    """
    with TaskGroup("get_ready", group_display_name="Get ready", prefix_group_id=False):
        prepare = KoboPrepareOperator(task_id="prepare", form=form, further=further, **SYNC_PARAMS)
        prepare.as_setup()  # type: ignore[no-untyped-call]  # Airflow gives it no types
        register = KoboRegisterOperator(task_id="register_webhook", form=form)
    about: dict[str, Any] = {"run_handle": prepare.output, "form": form}
    with TaskGroup("read_what_is_new", group_display_name="Read what is new", prefix_group_id=False):
        plan = KoboPlanOperator(task_id="plan", groups=2, **about)
        pull = KoboPullOperator.partial(
            task_id="pull",
            page_size="{{ params.page_size }}",
            pool_slots=requests_at_once(),
            **about,
        ).expand_kwargs(plan.output)
    with TaskGroup("compare_and_settle", group_display_name="Compare and settle", prefix_group_id=False):
        reconcile = KoboReconcileOperator(
            task_id="reconcile", confirm_deletes=SYNC_PARAMS["confirm_deletes"], **about
        )
    with TaskGroup("finish", group_display_name="Finish", prefix_group_id=False):
        publish = KoboPublishOperator(task_id="publish", outlets=list(outlets), **about)
        release = KoboReleaseOperator(task_id="release", **about).as_teardown(setups=prepare)
    prepare >> register >> release
    pull >> reconcile >> publish >> release
