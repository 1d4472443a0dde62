"""Judge a submission: what differs between the server, the ledger and the rows."""

from __future__ import annotations

from kobo_mirror.forms.form_schema import TableKind
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.ledger_windows import LedgerRow, SweptRow
from kobo_mirror.store.mirror_tables import FoundRows
from kobo_mirror.submissions.rows import State
from kobo_mirror.submissions.shaped import bare_row_set, digest_of_rows

DIGEST_ALONE = "digest"
"""The document is another one than the ledger notes, and yet its rows are what they should be."""


def judge(
    shown: State | SweptRow | None, held: LedgerRow | None, rows: FoundRows, mirror: Mirror
) -> str | None:
    """Return how a submission differs.

    :param shown: the submission, or what a sweep saw of it; None: the server does not show it.
    :param held: what the ledger says of it; None without a row.
    :param rows: what the form's tables hold of it.
    :param mirror: the form and its tables.
    :returns: a kind of difference, ``DIGEST_ALONE``, or None.
    """
    if shown is None or held is None:
        return "missing" if shown else "extra"
    if swept_row_of(shown) != held.seen:
        return "stale"
    if kind := _of_tables(held, rows, mirror):
        return kind
    as_noted = rows.digest == held.row_digest
    as_shown = isinstance(shown, SweptRow) or _is_as_shown(shown, held, rows, mirror)
    is_noted = isinstance(shown, SweptRow) or shown.digest == held.document_digest
    is_kept = mirror.schema is not None and held.document_digest is not None
    if as_noted and as_shown and not is_noted and is_kept:
        return DIGEST_ALONE
    if not is_noted:
        return "stale"
    return None if as_noted and as_shown and rows.is_whole else "different"


def _is_as_shown(shown: State, held: LedgerRow, rows: FoundRows, mirror: Mirror) -> bool:
    """Return True if the rows are those of the submission, cell by cell.

    One that is rejected although it could be shaped has a row that no message can carry, and so none.
    """
    if held.state == "rejected" and not shown.is_rejected:
        return rows.digest == digest_of_rows(None, bare_row_set(mirror, shown.kobo_id))
    return shown.row == rows.row and shown.row_digest == rows.digest


def _of_tables(held: LedgerRow, rows: FoundRows, mirror: Mirror) -> str | None:
    """Return ``missing`` or ``extra`` where a table has no row, or one that it should not have."""
    is_rejected = held.state == "rejected"
    wanted = []
    if mirror.form is not None:
        wanted.append((rows.row is not None, not is_rejected))
    if mirror.schema is not None:
        in_root = not is_rejected or mirror.schema.root.kind is TableKind.REST
        wanted.append((rows.has_row_set, in_root))
    for is_there, should_be in wanted:
        if is_there != should_be:
            return "extra" if is_there else "missing"
    return None


def swept_row_of(shown: State | SweptRow) -> SweptRow:
    """Return what a sweep would see of a submission.

    :param shown: the submission, or what a sweep saw of it.
    """
    if isinstance(shown, SweptRow):
        return shown
    further = shown.shaped
    return SweptRow(shown.kobo_id, shown.uuid, further.validation_status, further.validation_timestamp)
