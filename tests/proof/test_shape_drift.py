"""A validation that is set and cleared after a redeploy moves the answers; edit token and status stay.

No sweep sees that (kobo-api.md §3). With the right to read the project's history the next sync finds it;
without, the proof that compares every answer does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest
from sqlalchemy import select

from kobo_mirror.kobo.form import open_form
from kobo_mirror.store.tables import submissions, sync_runs
from kobo_mirror.sync.verify import Report, verify
from simulator.options import Options
from tests.support.crashes import Crash, CrashPoint
from tests.support.interleaved_server import ScheduledAction
from tests.support.mirrored_server import MirroredServer
from tests.support.passing_time import pass_time

ROWS = 30
TOUCHED = 4


@pytest.fixture
def filled(mirrored: MirroredServer) -> MirroredServer:
    """A form of old submissions that was synced an hour ago and twice since."""
    mirrored.server.control.reset(rows=ROWS)
    for _ in range(3):
        mirrored.run("exact")
        hour_passes(mirrored)
    return mirrored


@contextmanager
def viewing(mirrored: MirroredServer) -> Iterator[MirroredServer]:
    """The same with a token that may not read the history."""
    with open_form(mirrored.server.url, Options().viewer_token, mirrored.server.asset, attempts=2) as client:
        yield replace(mirrored, client=client)


def hour_passes(mirrored: MirroredServer) -> None:
    pass_time(mirrored.engine, 60)
    mirrored.server.control.age_history(3600)


def move(mirrored: MirroredServer, ids: list[int]) -> None:
    """Set and clear a validation status, which parses these submissions with the newest definition."""
    mirrored.server.control.validate(ids, "on_hold")
    mirrored.server.control.clear_validation(ids)


def quick(mirrored: MirroredServer) -> Report:
    return verify(mirrored.client, mirrored.engine, mirrored.mirror, lambda *_: None, full=False)


def rejected(mirrored: MirroredServer) -> dict[int, str]:
    """The rejected submissions and why."""
    t = submissions.c
    with mirrored.engine.connect() as connection:
        found = connection.execute(select(t.kobo_id, t.reason).where(t.state == "rejected"))
        return {kobo_id: reason for kobo_id, reason in found}  # noqa: C416  # rows, not pairs


@pytest.mark.parametrize("mode", ["exact", "incremental"])
@pytest.mark.parametrize("group", ["sec_a", "sec_c", "group_mx5fl16"])
def test_with_the_history_the_next_sync_finds_moved_answers(
    filled: MirroredServer, mode: str, group: str
) -> None:
    touched = filled.server.control.ids()[5 : 5 + TOUCHED]
    filled.server.control.redeploy(repeat=group)
    move(filled, touched)
    assert quick(filled).equal
    assert sorted(filled.verify().differing["stale"]) == touched
    filled.run(mode)
    assert filled.verify().equal
    assert sorted(rejected(filled)) == touched


def test_answers_that_moved_back_are_applied_again(filled: MirroredServer) -> None:
    control = filled.server.control
    touched = control.ids()[:TOUCHED]
    before = filled.contents().rows
    for change in ({"repeat": "sec_c"}, {"group": "sec_c"}):
        control.redeploy(**change)
        move(filled, touched)
        filled.run("exact")
        hour_passes(filled)
    assert filled.verify().equal
    assert not rejected(filled)
    assert filled.contents().rows == before


def test_without_the_history_a_full_proof_finds_moved_answers_and_a_repair_fixes_them(
    filled: MirroredServer,
) -> None:
    with viewing(filled) as mirrored:
        touched = mirrored.server.control.ids()[-TOUCHED:]
        mirrored.server.control.redeploy(repeat="sec_c")
        move(mirrored, touched)
        mirrored.run("exact")
        assert quick(mirrored).equal
        report = mirrored.verify()
        assert report.differences == {"missing": 0, "extra": 0, "stale": TOUCHED, "different": 0}
        mirrored.sync().repair(report)
        assert mirrored.verify().equal
        assert sorted(rejected(mirrored)) == touched


def test_a_bulk_validation_moves_no_answers(filled: MirroredServer) -> None:
    control = filled.server.control
    control.redeploy(repeat="sec_c")
    control.validate(control.ids(), "on_hold", bulk=True)
    control.clear_validation(control.ids(), bulk=True)
    assert filled.verify().equal


@pytest.mark.parametrize("page_size", [7, 1000])
def test_answers_that_move_during_a_first_load_are_found(mirrored: MirroredServer, page_size: int) -> None:
    """A page is answered, and by the time its rows are written another answer would be right."""
    mirrored.server.control.reset(rows=ROWS)
    mirrored.server.control.redeploy(repeat="sec_c")
    for request in (5, 7, 9):
        ids = mirrored.server.control.ids()[:TOUCHED]
        happening = ScheduledAction(request, True, lambda ids=ids: move(mirrored, ids))
        with mirrored.server.meanwhile([happening]):
            mirrored.sync(page_size=page_size).run(mode="exact")
        mirrored.run("exact")
        assert mirrored.verify().equal
        mirrored.server.control.reset(rows=ROWS)
        mirrored.server.control.redeploy(repeat="sec_c")
        mirrored.contents_from_scratch()


@pytest.mark.parametrize("statement", [40, 60, 80, 100])
def test_answers_that_move_before_a_crashed_first_load_is_continued_are_found(
    mirrored: MirroredServer, statement: int
) -> None:
    mirrored.server.control.reset(rows=ROWS)
    mirrored.server.control.redeploy(repeat="sec_c")
    with suppress(Crash), CrashPoint(mirrored.engine).crash_after(statement):
        mirrored.sync(page_size=5).run(mode="exact")
    move(mirrored, mirrored.server.control.ids()[:TOUCHED])
    hour_passes(mirrored)
    mirrored.sync(page_size=5).run(mode="exact")
    assert mirrored.verify().equal


def test_answers_that_moved_under_a_forbidden_history_are_found_once_it_is_allowed(
    filled: MirroredServer,
) -> None:
    control = filled.server.control
    control.redeploy(repeat="sec_c")
    with viewing(filled) as mirrored:
        move(mirrored, control.ids()[:TOUCHED])
        mirrored.run("exact")
        hour_passes(filled)
        assert not filled.verify().equal
    filled.run("exact")
    assert filled.verify().equal


def test_an_exact_sync_asks_once_for_a_change_that_sweep_and_history_name(
    filled: MirroredServer,
) -> None:
    control = filled.server.control
    control.edit(control.ids(), cd_age="41")
    control.clear_requests()
    filled.run("exact")
    asked = [request["query"] for request in control.requests() if "%24in" in request["query"]]
    assert len(asked) == 1
    assert filled.verify().equal


def test_submissions_that_are_new_are_read_once(filled: MirroredServer) -> None:
    filled.server.control.form(media=False)
    filled.server.control.create(20)
    filled.run("exact")
    assert counts_of_last_run(filled) == (20, 20)


def test_a_sync_asks_once_about_the_same_change(filled: MirroredServer) -> None:
    control = filled.server.control
    control.edit(control.ids()[:TOUCHED], cd_age="41")
    control.delete(control.ids()[-1])
    filled.run("exact")
    control.clear_requests()
    filled.run("exact")
    assert not [request for request in control.requests() if "%24in" in request["query"]]


def counts_of_last_run(mirrored: MirroredServer) -> tuple[int, int]:
    """How many submissions the newest run read, and how many of them were new."""
    query = select(sync_runs.c.rows_read, sync_runs.c.inserted).order_by(sync_runs.c.id.desc()).limit(1)
    with mirrored.engine.connect() as connection:
        read, inserted = connection.execute(query).one()
    return read, inserted
