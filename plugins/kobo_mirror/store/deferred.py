"""Deferred deliveries: what cannot be written now, and is asked for by the next sync."""

from __future__ import annotations

from sqlalchemy import Connection, Engine

from kobo_mirror.database.engine import transact
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.batches import PushResult
from kobo_mirror.store.form_locks import hold_form
from kobo_mirror.store.let_go import require_kept
from kobo_mirror.store.mirrors import find_mirror
from kobo_mirror.store.refetch_queue import enqueue

BEFORE_THE_FIRST_SYNC = "delivered before the first sync"
CHANGING = "delivered while the form's tables changed"
OF_ANOTHER_NAME = "of a form by another name"


def defer(engine: Engine, mirror: Mirror, kobo_id: int, reason: str) -> PushResult:
    """Have the next sync ask for a submission whose delivery cannot be judged, or not be written yet.

    :param engine: made by ``open_engine``.
    :param mirror: the form.
    :param kobo_id: the submission's ``_id``.
    :param reason: one of the reasons above.
    :returns: a result that says ``deferred``.
    :raises LetGoError: the form is mirrored no longer.
    :raises DatabaseError, SchemaError: the database cannot take it, or mirrors another form.
    """

    def work(connection: Connection) -> None:
        if mirror.has_tables:
            hold_form(connection, mirror)
        else:
            require_kept(connection, mirror.asset_uid)
            find_mirror(connection, *mirror.identity)
        enqueue(connection, mirror.asset_uid, [kobo_id], reason)

    transact(engine, work)
    return PushResult(kobo_id, "deferred")
