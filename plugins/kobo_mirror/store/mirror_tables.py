"""The rows of a form in all of its tables, declared and derived, as a proof reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection

from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store import row_set_reads
from kobo_mirror.store.ledger_windows import form_rows_between, form_rows_of
from kobo_mirror.store.row_set_reads import RowSetReads
from kobo_mirror.submissions.shaped import joined_digest, row_digest


class FoundRows(NamedTuple):
    """What the tables of a form hold of a submission.

    :param row: of the declared table, as ``State.row`` has it; None: there is none.
    :param digest: of all rows, as ``digest_of_rows`` makes it; None without any.
    :param has_row_set: True if a derived table has rows of it.
    :param is_whole: the rows of the derived tables fit together.
    """

    row: tuple[Any, ...] | None
    digest: bytes | None
    has_row_set: bool
    is_whole: bool


NO_ROWS = FoundRows(None, None, False, True)


class MirrorTables:
    """Reads the rows of one form.

    :param mirror: the form and its tables.
    """

    def __init__(self, mirror: Mirror) -> None:
        self._form = mirror.form
        self._derived = RowSetReads(mirror.schema) if mirror.schema else None

    def between(self, connection: Connection, after: int, upto: int | None) -> dict[int, FoundRows]:
        """Return the rows of the submissions of a window.

        :param connection: a transaction that sees one state of the database.
        :param after: the highest ``_id`` below the window.
        :param upto: the last ``_id`` of the window; None: no end.
        :returns: by ``_id``.
        """
        rows = form_rows_between(connection, self._form, after, upto) if self._form else {}
        return _joined(rows, self._derived.between(connection, after, upto) if self._derived else {})

    def of(self, connection: Connection, ids: list[int]) -> dict[int, FoundRows]:
        """Return the rows of some submissions by ``_id``.

        :param connection: a transaction that sees one state of the database.
        :param ids: ``_id`` of each submission.
        """
        rows = form_rows_of(connection, self._form, ids) if self._form else {}
        return _joined(rows, self._derived.of(connection, ids) if self._derived else {})


def _joined(
    rows: Mapping[int, tuple[Any, ...]], row_sets: Mapping[int, row_set_reads.FoundRows]
) -> dict[int, FoundRows]:
    found = {}
    for kobo_id in rows.keys() | row_sets.keys():
        row, row_set = rows.get(kobo_id), row_sets.get(kobo_id)
        digest = joined_digest(row_digest(row) if row else None, row_set.digest if row_set else None)
        found[kobo_id] = FoundRows(row, digest, row_set is not None, row_set is None or row_set.is_whole)
    return found
