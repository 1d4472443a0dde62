"""A puller and several pushers that write the same submissions at once, while the server changes them."""

from __future__ import annotations

import time
from contextlib import suppress
from random import Random

from sqlalchemy import func, select

from kobo_mirror.database.engine import open_engine
from kobo_mirror.errors import DeletesWaitError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.kobo.form import open_form
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import submissions
from kobo_mirror.sync.mirror import MirrorSync
from kobo_mirror.sync.verify import verify
from simulator.control_client import SimulatorControl
from simulator.process import SimulatorProcess
from tests.support.mirrored_server import code_of
from tests.support.pushing import start_pusher

SECONDS = 3.0
PUSHERS = 3


def test_a_puller_and_pushers_at_once_leave_an_equal_mirror(
    simulator: SimulatorProcess, database_url: str
) -> None:
    simulator.control.reset(rows=30)
    engine = open_engine(database_url)
    migrate(engine, KOBO_RECORDS)
    random = Random(4)
    with open_form(simulator.url, simulator.token, simulator.asset) as client:
        sync = MirrorSync(client, engine, form=KOBO_RECORDS, server=simulator.url, page_size=8)
        sync.run()  # Binds the form: a push to a table that mirrors no form yet is refused.
        pushers = [
            start_pusher(simulator, database_url, seconds=SECONDS, seed=seed) for seed in range(PUSHERS)
        ]
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            change(simulator.control, random)
            with suppress(DeletesWaitError):
                sync.run()
        for pusher in pushers:
            pusher.join(60)
        assert [pusher.exitcode for pusher in pushers] == [0] * PUSHERS
        try:
            sync.run(mode="exact")
        except DeletesWaitError as waiting:
            sync.run(mode="exact", confirm=code_of(waiting))
        report = verify(client, engine, Mirror(KOBO_RECORDS, simulator.url, simulator.asset), lambda *_: None)
    assert report.equal, report.sentence
    with engine.begin() as connection:
        pushed = select(func.count()).where(submissions.c.pushed_at.is_not(None))
        assert connection.execute(pushed).scalar_one() > 25
    engine.dispose()


def change(control: SimulatorControl, random: Random) -> None:
    ids = control.ids()
    control.edit(random.sample(ids, 6), cd_age=str(random.randint(18, 80)))
    control.validate(random.sample(ids, 2), random.choice(("approved", "on_hold")))
    control.delete(random.choice(ids))
    control.create(2)
