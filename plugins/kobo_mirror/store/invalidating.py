"""Invalidate submissions: have them asked for and written anew, whatever the digests say."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, update

from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.store.applied_schemas import hold_schema
from kobo_mirror.store.leases import Lease
from kobo_mirror.store.ledger_windows import locked_of
from kobo_mirror.store.refetch_queue import enqueue
from kobo_mirror.store.tables import submissions


def invalidate(
    connection: Connection, schema: FormSchema, lease: Lease, ids: Sequence[int], reason: str
) -> None:
    """Forget the documents' digests, or they would be unchanged, and enqueue the submissions.

    Their ``row_digest`` stays, so that ``updated_at`` moves only where the rows become others.

    :param connection: a transaction that has locked nothing yet.
    :param schema: the form's, as it was applied.
    :param lease: the right to pull the form.
    :param ids: ``_id`` of each submission, ascending.
    :param reason: why they are enqueued, in a few words for a person.
    :raises NotBoundError: there is no such form.
    :raises SchemaError: another schema is in force.
    :raises LeaseError: another sync has the form.
    """
    hold_schema(connection, schema, lease)
    locked_of(connection, schema.asset_uid, ids)
    mine = (submissions.c.asset_uid == schema.asset_uid) & submissions.c.kobo_id.in_(ids)
    connection.execute(update(submissions).where(mine).values(document_digest=None))
    enqueue(connection, schema.asset_uid, ids, reason)
