"""What new versions ask of a form's tables, and what became of it, as the page and its endpoints show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Query
from sqlalchemy import Connection

from kobo_mirror.airflow.page import access, contents, plan_schemas
from kobo_mirror.database.engine import reading
from kobo_mirror.forms.plan import Step
from kobo_mirror.store import plans
from kobo_mirror.store.form_history import Deployed, history_of, version_numbers
from kobo_mirror.store.whole_reads import whole_read

ENTRIES = 10
"""So many entries of the history are on a page."""

Skip = Annotated[int, Query(ge=0, le=10_000, description="Leave out so many of the newest.")]


def plan(asset_uid: str, user: access.Viewer) -> plan_schemas.OpenPlan | None:
    """Return the plan of a change of the form's tables that is not applied yet; null if there is none.

    :param asset_uid: the form's uid.
    :param user: who asks, by Airflow's login.
    """
    with reading(access.target_engine()) as connection:
        contents.bound(connection, asset_uid)
        return _open_plan(connection, asset_uid, plans.open_plan(connection, asset_uid))


def history(
    asset_uid: str, user: access.Viewer, skip: Skip = 0, limit: contents.Limit = ENTRIES
) -> plan_schemas.FormHistory:
    """Return the versions of a form and what became of the plans that they brought, the newest first.

    :param asset_uid: the form's uid.
    :param user: who asks, by Airflow's login.
    :param skip: leave out so many of the newest.
    :param limit: at most so many.
    """
    with reading(access.target_engine()) as connection:
        contents.bound(connection, asset_uid)
        return _history(connection, asset_uid, skip, limit)


def seen(
    connection: Connection, asset_uid: str, open_plan: plans.StoredPlan | None, skip: int
) -> dict[str, Any]:
    """Return what the page shows of a form's plans and versions.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param open_plan: the plan that is not applied yet.
    :param skip: leave out so many of the newest entries of the history.
    """
    return {
        "plan": _open_plan(connection, asset_uid, open_plan),
        "history": _history(connection, asset_uid, skip, ENTRIES),
        "history_skip": skip,
        "history_entries": ENTRIES,
    }


def _open_plan(
    connection: Connection, asset_uid: str, stored: plans.StoredPlan | None
) -> plan_schemas.OpenPlan | None:
    if stored is None:
        return None
    shown = _plan(stored, version_numbers(connection, asset_uid))
    return plan_schemas.OpenPlan(**dict(shown), **whole_read(connection, asset_uid)._asdict())


def _history(connection: Connection, asset_uid: str, skip: int, limit: int) -> plan_schemas.FormHistory:
    found = history_of(connection, asset_uid, skip=skip, limit=limit)
    entries = [_entry(entry, found.numbers) for entry in found.entries]
    return plan_schemas.FormHistory(entries=entries, has_more=found.has_more)


def _entry(entry: Deployed | plans.StoredPlan, numbers: Mapping[str, int]) -> plan_schemas.HistoryEntry:
    if isinstance(entry, Deployed):
        version = plan_schemas.Version(**entry._asdict())
        return plan_schemas.HistoryEntry(at=entry.deployed_at, version=version)
    return plan_schemas.HistoryEntry(at=entry.last_at, plan=_plan(entry, numbers))


def _plan(stored: plans.StoredPlan, numbers: Mapping[str, int]) -> plan_schemas.Plan:
    return plan_schemas.Plan(
        code=stored.code,
        state=_state(stored),
        care=stored.plan.care,
        policy=stored.policy,
        versions=[
            plan_schemas.BringingVersion(uid=uid, number=numbers.get(uid)) for uid in stored.plan.versions
        ],
        steps=[_step(step) for step in stored.plan.steps],
        noticed_at=stored.noticed_at,
        approved_at=stored.approved_at,
        declined_at=stored.declined_at,
        applied_at=stored.applied_at,
        replaced_at=stored.replaced_at,
    )


def _step(step: Step) -> plan_schemas.Step:
    return plan_schemas.Step(
        care=step.care,
        what=step.what,
        key=step.key,
        table=step.table,
        columns=list(step.columns),
        path=step.path,
        beside=list(step.beside),
        sentence=step.sentence,
    )


def _state(stored: plans.StoredPlan) -> plan_schemas.State:
    if stored.applied_at:
        return "applied"
    if stored.replaced_at:
        return "replaced"
    if stored.declined_at:
        return "declined"
    if stored.approved_at:
        return "approved"
    return "waits" if stored.waits_for_a_person else "due"
