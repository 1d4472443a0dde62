"""What the page's buttons do: they start runs of the DAGs, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, HTTPException
from sqlalchemy import Connection

from kobo_mirror.airflow.page import access
from kobo_mirror.airflow.page.plan_schemas import PlanOrder
from kobo_mirror.airflow.page.schemas import (
    ConfirmOrder,
    Problem,
    ReplayOrder,
    SyncOrder,
    Triggered,
    VerifyOrder,
)
from kobo_mirror.airflow.page.starting import start_of
from kobo_mirror.database.engine import reading
from kobo_mirror.store import codes, plans
from kobo_mirror.store.listings import BoundForm, bound_forms

router = APIRouter(
    prefix="/api/actions",
    tags=["actions"],
    responses={status: {"model": Problem} for status in (401, 403, 409)},
)


@router.post("/sync", description="Start a run of `kobo_sync`.")
def sync(order: SyncOrder, user: access.Viewer) -> Triggered:
    """Start a run of ``kobo_sync``.

    :param order: what to sync.
    :param user: who asks, by Airflow's login.
    :returns: the run.
    """
    return _started(access.SYNC, order, user)


@router.post("/verify", description="Start a run of `kobo_verify`: with `repair` it mends what it finds.")
def verify(order: VerifyOrder, user: access.Viewer) -> Triggered:
    """Start a run of ``kobo_verify``: a proof, which with ``repair`` mends what it finds.

    :param order: what to compare.
    :param user: who asks, by Airflow's login.
    :returns: the run.
    """
    return _started(access.VERIFY, order, user)


@router.post(
    "/confirm-deletes",
    description="Start a run of `kobo_sync` that deletes the list with this code; 409 if no such list waits.",
)
def confirm_deletes(order: ConfirmOrder, user: access.Viewer) -> Triggered:
    """Start a run of ``kobo_sync`` that deletes the list with this code.

    :param order: names the code.
    :param user: who asks, by Airflow's login.
    :returns: the run.
    :raises HTTPException: 409: no list waits under that code.
    """
    with reading(access.target_engine()) as connection:
        key = codes.owner_of(connection, order.code)
        form = _bound(connection, key) if key and codes.is_open(connection, key, order.code) else None
    if form is None:
        access.require_trigger(user, access.SYNC)
        raise HTTPException(409, "No list of deletes waits under this code: look at the page again.")
    return access.trigger(*_of(access.SYNC, form, {"confirm_deletes": order.code}, user))


@router.post(
    "/apply-plan",
    description="Start a run of `kobo_sync` that applies the plan with this code; 409 if no such plan waits.",
)
def apply_plan(order: PlanOrder, user: access.Viewer) -> Triggered:
    """Start a run of ``kobo_sync`` that applies the plan with this code.

    :param order: names the code.
    :param user: who asks, by Airflow's login.
    :returns: the run.
    :raises HTTPException: 409: no plan waits under that code.
    """
    return _decided("apply_plan", order, user)


@router.post(
    "/decline-plan",
    description="Start a run of `kobo_sync` that leaves the tables as they are, whatever the plan with this "
    "code asks; 409 if no such plan waits.",
)
def decline_plan(order: PlanOrder, user: access.Viewer) -> Triggered:
    """Start a run of ``kobo_sync`` that declines the plan with this code.

    :param order: names the code.
    :param user: who asks, by Airflow's login.
    :returns: the run.
    :raises HTTPException: 409: no plan waits under that code.
    """
    return _decided("decline_plan", order, user)


def _decided(what: str, order: PlanOrder, user: Any) -> Triggered:
    """Start the run; by the policy under which the plan was noticed, or it would be another list."""
    with reading(access.target_engine()) as connection:
        key = plans.owner_of(connection, order.code)
        found = plans.open_plan(connection, key) if key else None
        form = _bound(connection, key) if key and found and found.code == order.code else None
    if found is None or form is None:
        access.require_trigger(user, access.SYNC)
        raise HTTPException(409, "No plan waits under this code: look at the page again.")
    return access.trigger(*_of(access.SYNC, form, {what: order.code, "schema": found.policy}, user))


def _started(dag_id: str, order: SyncOrder | VerifyOrder | ReplayOrder, user: Any) -> Triggered:
    """Start the run for the form that the order names."""
    form = None
    if order.asset_uid is not None:
        with reading(access.target_engine()) as connection:
            form = _bound(connection, order.asset_uid)
        if form is None:
            raise HTTPException(409, "This database mirrors no such form: look at the page again.")
    return access.trigger(*_of(dag_id, form, order.model_dump(exclude={"asset_uid"}), user))


def _of(dag_id: str, form: BoundForm | None, conf: Mapping[str, Any], user: Any) -> tuple[Any, ...]:
    start = start_of(dag_id, form, conf)
    return start.dag_id, user, start.conf


def _bound(connection: Connection, form_key: str) -> BoundForm | None:
    return next((form for form in bound_forms(connection) if form.asset_uid == form_key), None)


@router.post(
    "/replay",
    description="Start a run of `kobo_replay`: it takes dead letters again and asks again for rejections.",
)
def replay(order: ReplayOrder, user: access.Viewer) -> Triggered:
    """Start a run of ``kobo_replay``: it takes dead letters again and asks again for rejections.

    :param order: names dead letters and rejections.
    :param user: who asks, by Airflow's login.
    :returns: the run.
    """
    return _started(access.REPLAY, order, user)
