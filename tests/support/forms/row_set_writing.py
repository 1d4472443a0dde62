"""Row set writing: transactions that write row sets as a writer does, with the ledger's rows before them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, event, text, update

from kobo_mirror.database.bulk import Write, write
from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.database.engine import moment_of, transact
from kobo_mirror.store import totals
from kobo_mirror.store.catalog_tables import rejected_cells
from kobo_mirror.store.decide import Origin, Stored
from kobo_mirror.store.form_locks import HeldForm
from kobo_mirror.store.ledger_windows import locked_of
from kobo_mirror.store.oversized import too_large
from kobo_mirror.store.row_set_writes import Change, FormWrites
from kobo_mirror.store.rows_to_write import HELD_BY_MESSAGE, HeldByMessage
from kobo_mirror.store.tables import forms, submissions, tallies
from kobo_mirror.store.tombstones import bury
from kobo_mirror.submissions.row_set import RowSet
from kobo_mirror.submissions.shaper import Shaper
from tests.support.forms.applied import Applying

_KEY = ("asset_uid", "kobo_id")
_COLUMNS = (*_KEY, "uuid", "document_digest", "row_digest", "state", "first_seen_at", "epoch", "reason")
_LEDGER = Write(submissions, _COLUMNS, ())
_AGAIN = _LEDGER._replace(key=_KEY, keep=("first_seen_at",))


class RowSetWriting:
    """Writes row sets of the form whose schema was applied last.

    :param applying: has made the tables.
    """

    def __init__(self, applying: Applying) -> None:
        assert applying.schema
        self.engine, self.asset_uid = applying.engine, applying.asset_uid
        self.epoch = applying.epoch
        self.schema = applying.schema
        self.writes = FormWrites(applying.schema)
        self._shaper = Shaper(applying.schema)

    def shape(self, *documents: Mapping[str, Any]) -> list[RowSet]:
        return [self._shaper.shape(document) for document in documents]

    def write(self, *row_sets: RowSet) -> int:
        """Write them in one transaction, and return how many were not there as they are."""
        tries = 0

        def work(connection: Connection) -> int:
            nonlocal tries
            tries += 1
            return self.write_in(connection, row_sets, may_exist=tries > 1)

        return transact(self.engine, work)

    def write_in(self, connection: Connection, row_sets: Sequence[RowSet], *, may_exist: bool = False) -> int:
        """Write them; those that cannot be written become rejections."""
        row_sets = sorted(row_sets, key=lambda row_set: row_set.kobo_id)
        held = HeldForm(self.epoch, moment_of(connection))
        stored = locked_of(connection, self.asset_uid, [row_set.kobo_id for row_set in row_sets])
        digests = {one.kobo_id: one.digest() for one in row_sets}
        found = [
            self.writes.change_of(
                one, digests[one.kobo_id], stored.get(one.kobo_id), held, may_exist=may_exist
            )
            for one in row_sets
        ]
        changes = [change for change in found if change]
        reasons = too_large(connection, self.writes, changes)
        ledger = [self._ledger_row(i, digest, held, reasons.get(i)) for i, digest in digests.items()]
        states = {row[1]: row[5] for row in ledger}
        moved = {i: (totals.state_before(stored.get(i)), state) for i, state in states.items()}
        write(
            connection,
            _LEDGER._replace(rows=[row for row in ledger if row[1] not in stored]),
            _AGAIN._replace(rows=[row for row in ledger if row[1] in stored]),
            *self.writes.removals(connection, sorted(reasons)),
            *self.writes.statements(connection, [c for c in changes if c.kobo_id not in reasons]),
            *totals.count_changes(connection, self.asset_uid, Origin.PULLED, held.moment, moved),
        )
        return len(changes)

    def _ledger_row(
        self, kobo_id: int, digest: bytes, held: HeldForm | HeldByMessage, reason: str | None = None
    ) -> tuple[Any, ...]:
        state, row_digest = ("rejected", None) if reason else ("applied", digest)
        key = (self.asset_uid, kobo_id, digest.hex())
        return (*key, digest, row_digest, state, held.moment, held.epoch, reason)

    def push_in(self, connection: Connection, row_sets: Sequence[RowSet]) -> None:
        """Write new ones as the webhook does on its first try: nothing is read before."""
        held = HELD_BY_MESSAGE
        changes = [self.writes.change_of(one, one.digest(), None, held) for one in row_sets]
        new: dict[int, tuple[str | None, str]] = {one.kobo_id: (None, "applied") for one in row_sets}
        form: dict[Any, str | bytes] = {
            forms.c.asset_uid: self.asset_uid,
            forms.c.schema_fingerprint: self.schema.fingerprint,
        }
        write(
            connection,
            _LEDGER._replace(rows=[self._ledger_row(one.kobo_id, one.digest(), held) for one in row_sets]),
            *self.writes.statements(connection, [change for change in changes if change]),
            *totals.count_changes(connection, self.asset_uid, Origin.PUSHED, held.moment, new),
            first=dialect_of(connection).first_statement(forms.c.epoch, form),
        )

    def known(self, row_set: RowSet) -> Change:
        """What is to be written of a submission that is known, and was another one."""
        seen = datetime(2026, 1, 2)  # noqa: DTZ001  # UTC
        before = Stored(row_set.kobo_id, None, None, b"", b"", "applied", None, seen, self.epoch)
        change = self.writes.change_of(row_set, row_set.digest(), before, HeldForm(self.epoch, seen))
        assert change
        return change

    def remove(self, *ids: int) -> None:
        """Make tombstones."""

        def work(connection: Connection) -> None:
            moment = moment_of(connection)
            stored = locked_of(connection, self.asset_uid, sorted(ids))
            known = sorted(stored)
            bury(connection, self.asset_uid, known, moment, reason=None, keep_payloads=False)
            changes = {kobo_id: (stored[kobo_id].state, "deleted") for kobo_id in known}
            counted = totals.count_changes(connection, self.asset_uid, Origin.PULLED, moment, changes)
            write(connection, *self.writes.removals(connection, known), *counted)

        transact(self.engine, work)

    def invalidate(self) -> None:
        """Clear the digest of each document, so that all is written anew."""
        with self.engine.begin() as connection:
            mine = submissions.c.asset_uid == self.asset_uid
            connection.execute(update(submissions).where(mine).values(document_digest=None))


def forget(applying: Applying) -> None:
    """Drop the form's tables, and all that is kept of it and of its submissions."""
    applying.forget()
    with applying.engine.begin() as connection:
        for table in (rejected_cells, submissions, tallies):
            connection.execute(delete(table))


def clocks_of(engine: Engine, table: str = "survey") -> dict[int, tuple[Any, Any]]:
    """``updated_at`` and ``inserted_at`` of each row of a root, by ``kobo_id``."""
    with engine.connect() as connection:
        quote = connection.dialect.identifier_preparer.quote_identifier
        rows = connection.execute(text(f"SELECT kobo_id, updated_at, inserted_at FROM {quote(table)}"))
        return {row[0]: (row[1], row[2]) for row in rows}


@contextmanager
def messages(engine: Engine) -> Iterator[list[str]]:
    """Note what is sent to the database in the block, COMMIT apart: a message each."""
    sent: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if not statement.startswith("BEGIN"):  # of a file
            sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
