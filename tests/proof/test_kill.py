"""A process killed between any two statements, and started again, ends in the tables of one that was not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from sqlalchemy import Engine, delete, select, update

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import checkpoints, form_table, submissions
from simulator.process import SimulatorProcess
from tests.support.contents import contents
from tests.support.killed_process import Job
from tests.support.mirrored_server import empty
from tests.support.passing_time import pass_time

SOME, EVERY = pytest.param(37, id="some"), pytest.param(1, id="every", marks=pytest.mark.long)
strides = pytest.mark.parametrize("stride", [SOME, EVERY])


@pytest.fixture
def job(simulator: SimulatorProcess, database_url: str) -> Job:
    return Job(simulator.url, simulator.token, simulator.asset, database_url)


@pytest.fixture
def undisturbed(job: Job, tmp_path: Path) -> Iterator[Engine]:
    """Another database, in which nothing is ever killed."""
    engine = migrated(f"sqlite:///{tmp_path / 'undisturbed.db'}")
    yield engine
    engine.dispose()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = migrated(database_url)
    yield made
    made.dispose()


def migrated(url: str) -> Engine:
    engine = open_engine(url)
    migrate(engine, KOBO_RECORDS)
    return engine


@strides
def test_a_killed_first_load_is_continued_where_it_was(
    job: Job, simulator: SimulatorProcess, engine: Engine, undisturbed: Engine, stride: int
) -> None:
    elsewhere(job, undisturbed).do("sync")
    killed = 0
    for after in count(stride // 2, stride):
        empty(engine)
        if not job.run_until_killed("sync", after):
            break
        killed += 1
        committed = cursors(engine)
        simulator.control.clear_requests()
        job.do("sync")
        assert contents(engine) == contents(undisturbed)
        assert not [start for start in pages_asked(simulator) if is_committed(start, committed)]
    assert killed * stride > 60


@pytest.mark.long
@strides
def test_a_killed_exact_sync_of_changes_is_continued(
    job: Job, simulator: SimulatorProcess, engine: Engine, undisturbed: Engine, stride: int
) -> None:
    job.do("sync")
    elsewhere(job, undisturbed).do("sync")
    killed = 0
    for after in count(stride // 2, stride):
        change(simulator, killed)
        lived = not job.run_until_killed("sync", after)
        job.do("sync")
        elsewhere(job, undisturbed).do("sync")
        assert contents(engine) == contents(undisturbed)
        if lived:
            break
        killed += 1
        for each in (engine, undisturbed):
            pass_time(each, 25 * 60)  # so that many days of deletes do not look like one
    assert killed * stride > 60


@strides
def test_a_killed_repair_is_continued(job: Job, engine: Engine, stride: int) -> None:
    job.do("sync")
    wanted = contents(engine)
    killed = 0
    for after in count(stride // 2, stride):
        spoil(engine, list(wanted.rows)[killed::60])
        lived = not job.run_until_killed("repair", after)
        job.do("repair")
        assert contents(engine) == wanted
        if lived:
            break
        killed += 1
    assert killed * stride > 30


def elsewhere(job: Job, engine: Engine) -> Job:
    return replace(job, database_url=engine.url.render_as_string(hide_password=False))


def change(simulator: SimulatorProcess, step: int) -> None:
    control = simulator.control
    ids = control.ids()
    control.delete(ids[step % 7 : 200 : 90])
    control.create(2, cd_age="3" if step % 2 else "three")
    control.edit(ids[80 + step % 5 : 290 : 40], cd_age=str(20 + step % 50))
    control.edit(ids[81 + step % 5 : 290 : 80], cd_client_name=None if step % 2 else "Amina")
    control.validate(ids[82 + step % 5 : 290 : 60], ("approved", "on_hold")[step % 2])


def spoil(engine: Engine, ids: list[int]) -> None:
    """Rows missing, rows altered, and a ledger that is wrong."""
    form = form_table(KOBO_RECORDS)
    with engine.begin() as connection:
        connection.execute(delete(form).where(form.c.kobo_id.in_(ids[::3])))
        connection.execute(update(form).where(form.c.kobo_id.in_(ids[1::3])).values(age=form.c.age + 1))
        connection.execute(update(submissions).where(submissions.c.kobo_id.in_(ids[2::3])).values(uuid="?"))


def cursors(engine: Engine) -> list[tuple[int, int]]:
    """What has been read of each lane: above the first id, up to the second."""
    with engine.begin() as connection:
        found = connection.execute(select(checkpoints.c.first_id, checkpoints.c.cursor_id))
        return [(first, cursor) for first, cursor in found]


def pages_asked(simulator: SimulatorProcess) -> list[int]:
    """Above which ids whole submissions were asked for, page by page."""
    asked = [parse_qs(request["query"]) for request in simulator.control.requests()]
    whole = [json.loads(q["query"][0]) for q in asked if "query" in q and "sort" in q and "fields" not in q]
    return [query["_id"]["$gt"] for query in whole if "$gt" in query.get("_id", {})]


def is_committed(start: int, committed: list[tuple[int, int]]) -> bool:
    return any(first <= start < cursor for first, cursor in committed)
