"""Beside writing: submissions of the declared survey with further answers, and what is held of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Engine, select

from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.catalog_tables import rejected_cells
from kobo_mirror.store.mirror_tables import FoundRows, MirrorTables
from kobo_mirror.submissions.shaper import Shaper
from tests.support.forms import members
from tests.support.forms.read_back import Found, read_back, wanted
from tests.support.forms.row_set_writing import clocks_of
from tests.support.submissions import ASSET, changed, state, submission
from tests.support.tables import records

REST = "kobo_records__rest"
_OF_MEMBERS = ("name", "age", "photo", "other", "members", "_attachments")


def whole(kobo_id: int, count: int = 2, **changes: Any) -> dict[str, Any]:
    """A submission that fits ``kobo_records``, with two members, a file, a rejected cell and an odd answer.

    :param changes: as ``submission`` takes them; the declared table has its own ``age``.
    """
    further = members.document(kobo_id, count)
    return changed(submission(kobo_id) | {name: further[name] for name in _OF_MEMBERS}, **changes)


def clocks(engine: Engine, kobo_id: int) -> tuple[datetime, datetime]:
    """``updated_at`` of a submission's row in ``kobo_records``, and of that in the rest."""
    rest = clocks_of(engine, REST)[kobo_id][0]
    return records(engine)[kobo_id]["updated_at"], rest if isinstance(rest, datetime) else _moment(rest)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def held(engine: Engine) -> Found:
    """What the derived tables hold, found by the catalog alone."""
    return read_back(engine, ASSET)


def should_hold(mirror: Mirror, *documents: dict[str, Any]) -> Found:
    """What the derived tables are to hold of submissions."""
    assert mirror.schema
    shaper = Shaper(mirror.schema)
    return wanted(shaper.shape(document) for document in documents)


def found(engine: Engine, mirror: Mirror) -> dict[int, FoundRows]:
    """What a proof reads."""
    with engine.connect() as connection:
        return MirrorTables(mirror).between(connection, 0, None)


def as_stored(mirror: Mirror, document: dict[str, Any]) -> FoundRows:
    """What a proof is to read of a submission."""
    one = state(document, mirror)
    return FoundRows(one.row, one.row_digest, one.row_set is not None, True)


def rejected_ids(engine: Engine) -> set[int]:
    """The submissions that have rejected cells."""
    with engine.connect() as connection:
        return set(connection.scalars(select(rejected_cells.c.kobo_id)))


def declared_ids(engine: Engine) -> set[int]:
    """The submissions that have a row in ``kobo_records``."""
    return set(records(engine))
