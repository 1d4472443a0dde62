"""What the page's buttons do: runs of the DAGs, and replays."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fastapi import APIRouter, HTTPException

from kobo_mirror.airflow.hooks import KoboHook
from kobo_mirror.airflow.page import access, facts
from kobo_mirror.airflow.page.schemas import (
    ConfirmOrder,
    Fate,
    Problem,
    ReplayOrder,
    SyncOrder,
    Triggered,
    VerifyOrder,
)
from kobo_mirror.forms.mirrored import mirror_of
from kobo_mirror.store.database import reading
from kobo_mirror.store.overview import bound_forms
from kobo_mirror.sync.mirror import MirrorSync
from kobo_mirror.sync.replay import replay_dead_letters, replay_rejections

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Engine

    from kobo_mirror.config import Settings

router = APIRouter(
    prefix="/api/actions",
    tags=["actions"],
    responses={status: {"model": Problem} for status in (401, 403, 409)},
)
_replaying = threading.Lock()


@router.post("/sync")
def sync(order: SyncOrder, user: access.SyncOperator) -> Triggered:
    """Start a run of `kobo_sync`."""
    return access.trigger(access.SYNC, user, order.model_dump())


@router.post("/verify")
def verify(order: VerifyOrder, user: access.VerifyOperator) -> Triggered:
    """Start a run of `kobo_verify`: a proof, with `repair` one that mends what it finds."""
    return access.trigger(access.VERIFY, user, order.model_dump())


@router.post("/confirm-deletes")
def confirm_deletes(order: ConfirmOrder, user: access.SyncOperator) -> Triggered:
    """Start a run of `kobo_sync` that deletes the list with this mark; 409 if another list waits, or none."""
    with reading(access.target()) as connection:
        waiting = [
            facts.overview_of(connection, form, facts.utc_now()).waiting_deletes
            for form in bound_forms(connection)
        ]
    if order.mark not in [deletes.mark for deletes in waiting if deletes]:
        raise HTTPException(
            409, "No list of deletes with this mark waits for a word: look at the page again."
        )
    return access.trigger(access.SYNC, user, {"confirm_deletes": order.mark})


@router.post("/replay")
def replay(order: ReplayOrder, user: access.SyncOperator) -> list[Fate]:
    """Take dead letters once more, ask KoboToolbox again for rejections; 409 while a sync holds the form."""
    with _alone():
        settings, engine = access.settings(), access.target()
        mirror = mirror_of(settings)
        fates = []
        if order.dead_letters:
            fates += replay_dead_letters(engine, mirror, settings.kobo_keep_payloads, ids=order.dead_letters)
        if order.rejections:
            fates += replay_rejections(
                engine, mirror, lambda ids: _ask_again(settings, engine, ids), ids=order.rejections
            )
    return [Fate(**fate._asdict()) for fate in fates]


@contextmanager
def _alone() -> Iterator[None]:
    """One replay at a time in this process: two would show the lease the same holder."""
    if not _replaying.acquire(blocking=False):
        raise HTTPException(409, "Another replay is under way: wait until it ends.")
    try:
        yield
    finally:
        _replaying.release()


def _ask_again(settings: Settings, engine: Engine, ids: Sequence[int]) -> None:
    with KoboHook(access.KOBO).get_client(settings, attempts=2) as client:
        MirrorSync.configured(settings, client, engine).ask_again(ids)
