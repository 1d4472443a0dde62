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
from tests.support.laboratory import Laboratory
from tests.support.living_server import Moment
from tests.support.passing_time import pass_time
from tests.support.power_cut import Fuse, PowerCut

ROWS = 30
TOUCHED = 4


@pytest.fixture
def filled(lab: Laboratory) -> Laboratory:
    """A form of old submissions that was synced an hour ago and twice since."""
    lab.living.control.reset(rows=ROWS)
    for _ in range(3):
        lab.run("exact")
        hour_passes(lab)
    return lab


@contextmanager
def viewing(lab: Laboratory) -> Iterator[Laboratory]:
    """The same with a token that may not read the history."""
    with open_form(lab.living.url, Options().viewer_token, lab.living.asset, attempts=2) as client:
        yield replace(lab, client=client)


def hour_passes(lab: Laboratory) -> None:
    pass_time(lab.engine, 60)
    lab.living.control.age_history(3600)


def move(lab: Laboratory, ids: list[int]) -> None:
    """Set and clear a validation status, which parses these submissions with the newest definition."""
    lab.living.control.validate(ids, "on_hold")
    lab.living.control.clear_validation(ids)


def quick(lab: Laboratory) -> Report:
    return verify(lab.client, lab.engine, lab.mirror, lambda *_: None, full=False)


def rejected(lab: Laboratory) -> dict[int, str]:
    """The rejected submissions and why."""
    t = submissions.c
    with lab.engine.connect() as connection:
        found = connection.execute(select(t.kobo_id, t.reason).where(t.state == "rejected"))
        return {kobo_id: reason for kobo_id, reason in found}  # noqa: C416  # rows, not pairs


@pytest.mark.parametrize("mode", ["exact", "usual"])
@pytest.mark.parametrize("group", ["sec_a", "sec_c", "group_mx5fl16"])
def test_with_the_history_the_next_sync_finds_what_moved(filled: Laboratory, mode: str, group: str) -> None:
    touched = filled.living.control.ids()[5 : 5 + TOUCHED]
    filled.living.control.redeploy(repeat=group)
    move(filled, touched)
    assert quick(filled).equal
    assert sorted(filled.verify().differing["stale"]) == touched
    filled.run(mode)
    assert filled.verify().equal
    assert sorted(rejected(filled)) == touched


def test_what_moved_back_is_applied_again(filled: Laboratory) -> None:
    control = filled.living.control
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


def test_without_the_history_the_full_proof_finds_it_and_a_repair_mends_it(filled: Laboratory) -> None:
    with viewing(filled) as lab:
        touched = lab.living.control.ids()[-TOUCHED:]
        lab.living.control.redeploy(repeat="sec_c")
        move(lab, touched)
        lab.run("exact")
        assert quick(lab).equal
        report = lab.verify()
        assert report.differences == {"missing": 0, "extra": 0, "stale": TOUCHED, "different": 0}
        lab.sync().repair(report)
        assert lab.verify().equal
        assert sorted(rejected(lab)) == touched


def test_the_answers_of_many_at_once_do_not_move(filled: Laboratory) -> None:
    control = filled.living.control
    control.redeploy(repeat="sec_c")
    control.validate(control.ids(), "on_hold", bulk=True)
    control.clear_validation(control.ids(), bulk=True)
    assert filled.verify().equal


@pytest.mark.parametrize("page_size", [7, 1000])
def test_what_moves_while_a_form_is_read_for_the_first_time_is_found(lab: Laboratory, page_size: int) -> None:
    """A page is answered, and by the time its rows are written another answer would be right."""
    lab.living.control.reset(rows=ROWS)
    lab.living.control.redeploy(repeat="sec_c")
    for request in (5, 7, 9):
        ids = lab.living.control.ids()[:TOUCHED]
        happening = Moment(request, True, lambda ids=ids: move(lab, ids))
        with lab.living.meanwhile([happening]):
            lab.sync(page_size=page_size).run(mode="exact")
        lab.run("exact")
        assert lab.verify().equal
        lab.living.control.reset(rows=ROWS)
        lab.living.control.redeploy(repeat="sec_c")
        lab.contents_from_scratch()


@pytest.mark.parametrize("statement", [40, 60, 80, 100])
def test_what_moves_before_a_dead_first_load_goes_on_is_found(lab: Laboratory, statement: int) -> None:
    lab.living.control.reset(rows=ROWS)
    lab.living.control.redeploy(repeat="sec_c")
    with suppress(PowerCut), Fuse(lab.engine).blowing_after(statement):
        lab.sync(page_size=5).run(mode="exact")
    move(lab, lab.living.control.ids()[:TOUCHED])
    hour_passes(lab)
    lab.sync(page_size=5).run(mode="exact")
    assert lab.verify().equal


def test_what_moved_while_the_history_was_forbidden_is_found_when_it_is_not(filled: Laboratory) -> None:
    control = filled.living.control
    control.redeploy(repeat="sec_c")
    with viewing(filled) as lab:
        move(lab, control.ids()[:TOUCHED])
        lab.run("exact")
        hour_passes(filled)
        assert not filled.verify().equal
    filled.run("exact")
    assert filled.verify().equal


def test_an_exact_sync_asks_for_a_change_once_though_sweep_and_history_name_it(filled: Laboratory) -> None:
    control = filled.living.control
    control.edit(control.ids(), cd_age="41")
    control.clear_requests()
    filled.run("exact")
    asked = [request["query"] for request in control.requests() if "%24in" in request["query"]]
    assert len(asked) == 1
    assert filled.verify().equal


def test_submissions_that_are_new_are_read_once(filled: Laboratory) -> None:
    filled.living.control.form(media=False)
    filled.living.control.create(20)
    filled.run("exact")
    assert counts_of_last_run(filled) == (20, 20)


def test_a_sync_repeats_no_question_about_the_same_change(filled: Laboratory) -> None:
    control = filled.living.control
    control.edit(control.ids()[:TOUCHED], cd_age="41")
    control.delete(control.ids()[-1])
    filled.run("exact")
    control.clear_requests()
    filled.run("exact")
    assert not [request for request in control.requests() if "%24in" in request["query"]]


def counts_of_last_run(lab: Laboratory) -> tuple[int, int]:
    """How many submissions the newest run read, and how many of them were new."""
    query = select(sync_runs.c.rows_read, sync_runs.c.inserted).order_by(sync_runs.c.id.desc()).limit(1)
    with lab.engine.connect() as connection:
        read, inserted = connection.execute(query).one()
    return read, inserted
