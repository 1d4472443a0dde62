"""Promoting: a sync that ends the application of a schema, and one that asks for what it has enqueued."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Engine, delete, select, text, update

from kobo_mirror.store.promotion import Promoted, finish_growth
from kobo_mirror.store.tables import forms, submissions, to_fetch
from tests.support.forms.applied import Applying
from tests.support.forms.judging import UID
from tests.support.forms.row_set_writing import RowSetWriting


def finish(applying: Applying) -> Promoted:
    """Do all that is left to do after a schema was applied."""
    assert applying.schema
    return finish_growth(applying.engine, applying.schema, applying.lease)


def note_all_read(applying: Applying) -> None:
    """Note that a run has read all in the current epoch."""
    with applying.engine.begin() as connection:
        connection.execute(update(forms).values(epoch_read=forms.c.epoch))


def queued(engine: Engine) -> set[int]:
    """The submissions that are in the refetch queue."""
    with engine.connect() as connection:
        return {int(ref) for ref in connection.scalars(select(to_fetch.c.ref))}


def drain(
    applying: Applying, documents: Iterable[Mapping[str, Any]], writing: RowSetWriting | None = None
) -> int:
    """Write those in the queue anew, and return how many were written."""
    writing, wanted = writing or RowSetWriting(applying), queued(applying.engine)
    asked = [document for document in documents if document["_id"] in wanted]
    written = writing.write(*writing.shape(*asked)) if asked else 0
    with applying.engine.begin() as connection:
        connection.execute(delete(to_fetch))
    return written


class Before:
    """The moment after a flip, to which a form can be put back: its tables stay.

    :param applying: has applied the newer schema.
    :param parts: the parts that were born by it.
    """

    def __init__(self, applying: Applying, *parts: str) -> None:
        stored = applying.stored
        assert stored
        self.epoch, self.waiting = stored.epoch, stored.waiting
        self._engine, self._parts = applying.engine, parts

    def return_to(self) -> None:
        with self._engine.begin() as connection:
            for part in self._parts:
                connection.execute(text(f"DELETE FROM {part}"))
            connection.execute(delete(to_fetch))
            connection.execute(update(submissions).values(document_digest=submissions.c.row_digest))
            waiting = json.dumps(sorted(self.waiting))
            mine = update(forms).where(forms.c.asset_uid == UID)
            connection.execute(mine.values(paths_to_promote=waiting, epoch=self.epoch, epoch_read=self.epoch))
