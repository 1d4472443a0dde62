"""Check the database of a connection, for the Test button of ``kobo_database``."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from kobo_mirror.airflow.hooks import open_target
from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.database.engine import reading
from kobo_mirror.errors import KoboMirrorError
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.mirrors import bound_mirrors
from kobo_mirror.store.probe import try_writing
from kobo_mirror.store.schema import at_head

_SECONDS = 5
_NO_FORM = Mirror(None, "", "")
_MAKES = "the first kobo_sync makes them, and so does `python -m kobo_mirror migrate`"


def check_database(conn_id: str) -> tuple[bool, str]:
    """Connect, look for our tables and, if they are there, commit something.

    :param conn_id: the connection of the database.
    :returns: True if the mirror can use the database, and a sentence for the person who pressed the button.
    """
    try:
        engine = open_target(conn_id, patience=_SECONDS)
    except KoboMirrorError as problem:
        return False, str(problem)
    try:
        return _check(engine)
    except KoboMirrorError as problem:
        return False, str(problem)
    finally:
        engine.dispose()


def _check(engine: Engine) -> tuple[bool, str]:
    file, dialect = engine.url.database, dialect_of(engine)
    if dialect.is_file and not Path(file or "").is_file():
        return False, f"There is no file {file} where Airflow's API server runs: {_MAKES}."
    with reading(engine) as connection:
        server = dialect.describe(connection)
    if not at_head(engine):
        return True, f"Connected to {server}. It lacks our tables or has old ones: {_MAKES}."
    try:
        for mirror in bound_mirrors(engine) or [_NO_FORM]:
            try_writing(engine, mirror)
    except KoboMirrorError as problem:
        return False, f"Connected to {server}, but nothing can be written. {problem}"
    return True, f"Connected to {server}: our tables are there, and it takes submissions."
