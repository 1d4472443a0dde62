"""Two webhooks and a sync write the same submission with its repeats at the same time."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from kobo_mirror.database.engine import open_engine
from kobo_mirror.sync.receive import Receiver
from simulator.process import SimulatorProcess
from tests.simulator.any_forms import content, row
from tests.support.forms.any_mirror import AnyMirror, any_mirror, form_file, uid_of

FORM = content(
    row("text", "village"),
    row("begin_repeat", "members"),
    row("text", "who"),
    row("begin_repeat", "visits"),
    row("date", "on"),
    row("end_repeat"),
    row("end_repeat"),
)
EDITS, SENDERS, SEED = 24, 2, 7


@pytest.fixture
def mirror(tmp_path: Path, database_url: str) -> Iterator[AnyMirror]:
    file = form_file(tmp_path, "races", FORM, rows=3)
    with (
        SimulatorProcess(form=[file]) as simulator,
        any_mirror(simulator, uid_of("races"), database_url) as made,
    ):
        yield made


def test_nothing_of_either_is_left_over(mirror: AnyMirror) -> None:
    mirror.sync()
    drawn = random.Random(SEED)  # which edits, not a secret
    kobo_id = mirror.control.ids()[0]
    bodies = []
    for number in range(EDITS):
        visits = [{"members/visits/on": "2026-01-31"} for _ in range(drawn.randrange(3))]
        members = [
            {"members/who": f"{number}-{place}", "members/visits": visits}
            for place in range(drawn.randrange(6))
        ]
        mirror.control.edit(kobo_id, members=members)
        bodies.append(json.dumps(mirror.control.rows(kobo_id)[0]).encode())
    drawn.shuffle(bodies)
    done = Event()

    def send(number: int) -> int:
        engine = open_engine(mirror.url)
        receiver = Receiver(engine, [mirror.mirror], "rejected")
        for body in bodies[number::SENDERS]:
            receiver.receive(body)
        engine.dispose()
        return len(bodies[number::SENDERS])

    def keep_syncing() -> int:
        runs = 0
        while not done.is_set() or not runs:
            mirror.sync(mode="exact")
            runs += 1
        return runs

    with ThreadPoolExecutor(SENDERS + 1) as pool:
        syncing = pool.submit(keep_syncing)
        sent = [pool.submit(send, number) for number in range(SENDERS)]
        assert sum(one.result() for one in sent) == EDITS
        done.set()
        assert syncing.result()
    mirror.sync(mode="exact")
    assert mirror.found() == mirror.wanted()
    assert mirror.verify().equal
