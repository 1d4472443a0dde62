"""Submissions whose ids appear late and out of order: incremental runs alone lose none of them."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random

import pytest
from sqlalchemy import Engine, select

from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.kobo.form import open_form
from kobo_mirror.store.tables import form_table, sync_runs
from simulator.options import Options
from tests.support.interleaved_server import ScheduledAction
from tests.support.mirrored_server import MirroredServer
from tests.support.passing_time import pass_time

RUNS = 24
PAUSES = (15, 15, 15, 2, 1)  # minutes between two runs: by the clock, and now and then by hand
LATEST = 10  # minutes from a submission's id to its appearance
REQUESTS = 6


class Late:
    """Submissions that have an id and are due to appear at a minute."""

    def __init__(self, mirrored: MirroredServer, random: Random) -> None:
        self._control, self._writer, self._random = mirrored.server.control, mirrored.writer(), random
        self._due: dict[int, float] = {}

    def send(self, minute: float) -> None:
        for kobo_id in self._control.create(self._random.randint(1, 3), hidden=True):
            self._due[kobo_id] = minute + self._random.choice((0, self._random.uniform(0, LATEST), LATEST))

    def appear(self, minute: float) -> None:
        ripe = [kobo_id for kobo_id, due in self._due.items() if due <= minute]
        self._random.shuffle(ripe)
        for kobo_id in ripe:
            del self._due[kobo_id]
            self._control.reveal(kobo_id)
            if self._random.random() < 0.3:
                self._writer.push(json.dumps(self._control.rows(kobo_id)[0]).encode())


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 20))])
def test_incremental_runs_alone_lose_no_submission_that_appears_late(
    mirrored: MirroredServer, seed: int
) -> None:
    random, control, engine = Random(seed), mirrored.server.control, mirrored.engine
    late = Late(mirrored, random)
    control.reset(rows=5)
    token = Options().viewer_token  # may not read the history, which would find what an increment has lost
    with open_form(mirrored.server.url, token, mirrored.server.asset) as client:
        sync = replace(mirrored, client=client).sync(page_size=7)
        now = 0
        for _ in range(RUNS):
            pause = random.choice(PAUSES)
            for minute in range(now, now + pause):
                late.send(minute)
                late.appear(minute)
            now += pause
            pass_time(engine, pause)
            before = control.ids()
            with mirrored.server.meanwhile(moments(late, now, random)):
                sync.run(mode="incremental")
            assert set(before) <= mirrored_ids(engine)
    assert modes(engine).count("incremental") > RUNS / 2


def moments(late: Late, minute: int, random: Random) -> list[ScheduledAction]:
    """While a run asks, submissions go on to get their ids, and others appear."""

    def happening() -> None:
        late.send(minute)
        late.appear(minute)

    return [ScheduledAction(number, random.random() < 0.5, happening) for number in range(REQUESTS)]


def mirrored_ids(engine: Engine) -> set[int]:
    table = form_table(KOBO_RECORDS)
    with engine.begin() as connection:
        return set(connection.execute(select(table.c.kobo_id)).scalars())


def modes(engine: Engine) -> list[str]:
    with engine.begin() as connection:
        return list(connection.execute(select(sync_runs.c.mode)).scalars())
