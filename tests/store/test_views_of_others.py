"""A view of another program is never replaced or dropped, whenever it got a name that we want."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Engine, event

from kobo_mirror.database.ddl import changing_tables
from kobo_mirror.store.views import drop_views
from tests.support.crashes import Crash, CrashPoint
from tests.support.forms.applied import Applying
from tests.support.forms.judging import UID
from tests.support.forms.surveys import V2, ask
from tests.support.forms.views_made import again, claimed, is_server, made, rows, state, views
from tests.support.tables import run_sql

MINE = "CREATE VIEW survey__members__geo AS SELECT 42 AS mine"
ALL = {"survey__full", "survey__members__full", "survey__pets__full"}
"""The views of V2."""


@pytest.fixture
def applying(applying: Applying) -> Iterator[Applying]:
    yield applying
    run_sql(applying.engine, "DROP VIEW IF EXISTS survey__members__geo")


def is_mine(engine: Engine) -> bool:
    return rows(engine, "SELECT * FROM survey__members__geo") == [{"mine": 42}]


def begun(applying: Applying, point: CrashPoint, statements: int, *further: str) -> bool:
    """A sync that is killed after so many statements; False: it came to its end."""
    try:
        with point.crash_after(statements):
            again(applying, *further)
    except Crash:
        return True
    return False


def test_a_kind_that_is_asked_for_later_takes_no_view_of_others(applying: Applying) -> None:
    engine = applying.engine
    assert made(applying, V2) is None
    run_sql(engine, MINE)
    for _ in range(2):
        refused = again(applying, "geo")
        assert refused
        assert (
            "cannot have the view survey__members__geo: survey__members__geo is in the database and is none"
            in refused
        )
        assert state(engine) == (refused, True)
        assert is_mine(engine)
        assert claimed(engine) == ALL
    assert again(applying) is None
    assert is_mine(engine)
    run_sql(engine, "DROP VIEW survey__members__geo")
    assert again(applying, "geo") is None
    assert claimed(engine) == views(engine) == ALL | {"survey__members__geo"}


def test_a_version_takes_no_view_of_others(applying: Applying) -> None:
    engine = applying.engine
    assert made(applying, V2) is None
    run_sql(engine, "CREATE VIEW survey__default AS SELECT 42 AS mine")
    try:
        assert "cannot have the view survey__default" in str(
            made(applying, V2, [*V2, *ask("text", "x", label="X")])
        )
        assert rows(engine, "SELECT * FROM survey__default") == [{"mine": 42}]
    finally:
        run_sql(engine, "DROP VIEW survey__default")


def test_a_catalog_that_was_lost_makes_no_view_of_others_ours(applying: Applying) -> None:
    engine = applying.engine
    assert made(applying, V2) is None
    assert again(applying, "geo") is None
    run_sql(engine, "DELETE FROM kobo_tables WHERE kind = 'view'", "DROP VIEW survey__members__geo", MINE)
    run_sql(engine, "DELETE FROM kobo_view_columns")
    assert "cannot have the view survey__members__geo" in str(again(applying, "geo"))
    assert is_mine(engine)
    assert claimed(engine) == ALL


@pytest.mark.long
def test_a_sync_that_was_killed_between_claim_and_view_leaves_the_name_to_others(applying: Applying) -> None:
    engine, point = applying.engine, CrashPoint(applying.engine)
    assert made(applying, V2) is None
    outcomes = set()
    for statements in count():
        was_killed = begun(applying, point, statements, "geo")
        is_there = "survey__members__geo" in views(engine)
        if was_killed and not is_there:
            run_sql(engine, MINE)
            assert "cannot have the view survey__members__geo" in str(again(applying, "geo")), statements
            assert is_mine(engine), statements
            assert claimed(engine) == ALL
            run_sql(engine, "DROP VIEW survey__members__geo")
        elif was_killed:
            assert again(applying, "geo") is None, statements
            assert claimed(engine) == views(engine) == ALL | {"survey__members__geo"}
        outcomes.add((was_killed, is_there))
        if not was_killed:
            break
        assert again(applying) is None
        assert claimed(engine) == views(engine) == ALL
    # A file has it when all is committed, which nothing follows; a server at once.
    assert {(True, False), (False, True)} <= outcomes


@pytest.mark.parametrize("which", ["taken back", "the form is dropped"])
def test_a_drop_that_was_killed_drops_no_view_of_others_later(applying: Applying, which: str) -> None:
    engine = applying.engine
    assert made(applying, V2) is None
    assert again(applying, "geo") is None
    event.listen(engine, "after_cursor_execute", killed_by_a_drop)
    with pytest.raises(Crash):
        again(applying)
    event.remove(engine, "after_cursor_execute", killed_by_a_drop)
    engine.dispose()
    if not is_server(engine):  # a file has the view still
        assert again(applying) is None
        assert views(engine) == ALL
        return
    run_sql(engine, MINE)
    if which == "taken back":
        assert again(applying) is None
        assert (is_mine(engine), claimed(engine)) == (True, ALL)
    else:
        with changing_tables(engine) as changes:
            drop_views(changes, UID)
        assert (is_mine(engine), views(engine), claimed(engine)) == (True, {"survey__members__geo"}, set())


def killed_by_a_drop(*sent: Any) -> None:
    if sent[2].startswith("DROP VIEW"):
        raise Crash
