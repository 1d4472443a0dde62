"""What the page's buttons do: they start runs of the DAGs, and nothing else."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException

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
from kobo_mirror.database.engine import reading
from kobo_mirror.store.codes import is_open
from kobo_mirror.store.listings import bound_forms
from kobo_mirror.store.plans import StoredPlan, open_plan

router = APIRouter(
    prefix="/api/actions",
    tags=["actions"],
    responses={status: {"model": Problem} for status in (401, 403, 409)},
)


@router.post("/sync", description="Start a run of `kobo_sync`.")
def sync(order: SyncOrder, user: access.SyncOperator) -> Triggered:
    """Start a run of ``kobo_sync``.

    :param order: what to sync.
    :param user: who asks, by Airflow's login.
    :returns: the run.
    """
    return access.trigger(access.SYNC, user, order.model_dump())


@router.post("/verify", description="Start a run of `kobo_verify`: with `repair` it mends what it finds.")
def verify(order: VerifyOrder, user: access.VerifyOperator) -> Triggered:
    """Start a run of ``kobo_verify``: a proof, which with ``repair`` mends what it finds.

    :param order: what to compare.
    :param user: who asks, by Airflow's login.
    :returns: the run.
    """
    return access.trigger(access.VERIFY, user, order.model_dump())


@router.post(
    "/confirm-deletes",
    description="Start a run of `kobo_sync` that deletes the list with this code; 409 if no such list waits.",
)
def confirm_deletes(order: ConfirmOrder, user: access.SyncOperator) -> Triggered:
    """Start a run of ``kobo_sync`` that deletes the list with this code.

    :param order: names the code.
    :param user: who asks, by Airflow's login.
    :returns: the run.
    :raises HTTPException: 409: no list waits under that code.
    """
    with reading(access.target_engine()) as connection:
        known = any(is_open(connection, form.asset_uid, order.code) for form in bound_forms(connection))
    if not known:
        raise HTTPException(409, "No list of deletes waits under this code: look at the page again.")
    return access.trigger(access.SYNC, user, {"confirm_deletes": order.code})


@router.post(
    "/apply-plan",
    description="Start a run of `kobo_sync` that applies the plan with this code; 409 if no such plan waits.",
)
def apply_plan(order: PlanOrder, user: access.SyncOperator) -> Triggered:
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
def decline_plan(order: PlanOrder, user: access.SyncOperator) -> Triggered:
    """Start a run of ``kobo_sync`` that declines the plan with this code.

    :param order: names the code.
    :param user: who asks, by Airflow's login.
    :returns: the run.
    :raises HTTPException: 409: no plan waits under that code.
    """
    return _decided("decline_plan", order, user)


def _decided(what: str, order: PlanOrder, user: Any) -> Triggered:
    """Start the run; by the policy under which the plan was noticed, or it would be another list."""
    return access.trigger(access.SYNC, user, {what: order.code, "schema": _waiting_plan(order.code).policy})


def _waiting_plan(code: str) -> StoredPlan:
    with reading(access.target_engine()) as connection:
        for form in bound_forms(connection):
            found = open_plan(connection, form.asset_uid)
            if found is not None and found.code == code:
                return found
    raise HTTPException(409, "No plan waits under this code: look at the page again.")


@router.post(
    "/replay",
    description="Start a run of `kobo_replay`: it takes dead letters again and asks again for rejections.",
)
def replay(order: ReplayOrder, user: access.ReplayOperator) -> Triggered:
    """Start a run of ``kobo_replay``: it takes dead letters again and asks again for rejections.

    :param order: names dead letters and rejections.
    :param user: who asks, by Airflow's login.
    :returns: the run.
    """
    return access.trigger(access.REPLAY, user, order.model_dump())
