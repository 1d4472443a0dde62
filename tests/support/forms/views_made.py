"""Views made: as the next sync makes them, and what is there of them afterwards."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, inspect, text

from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.overview import read_state
from kobo_mirror.store.views import bring_up_views
from tests.support.forms.applied import Applying
from tests.support.forms.judging import UID
from tests.support.forms.surveys import survey


def made(applying: Applying, *versions: Any) -> str | None:
    """Apply a schema and make its views; return what is refused."""
    schema = survey(*versions)
    applying.apply(schema)
    return bring_up_views(applying.engine, schema, applying.lease)


def again(applying: Applying, *further: str) -> str | None:
    """What the next sync does, where these further kinds are asked for."""
    assert applying.schema
    return bring_up_views(applying.engine, applying.schema, applying.lease, further)


def views(engine: Engine) -> set[str]:
    return {*inspect(engine).get_view_names()} - {"kobo_rejected"}


def claimed(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return {*connection.scalars(text("SELECT table_name FROM kobo_tables WHERE kind = 'view'"))}


def rows(engine: Engine, query: str) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(text(query)).mappings()]


def state(engine: Engine) -> tuple[str, bool]:
    with engine.connect() as connection:
        found = read_state(connection, KOBO_RECORDS, UID)
        return found.views_refused, found.views_due


def is_server(engine: Engine) -> bool:
    return engine.dialect.name != "sqlite"
