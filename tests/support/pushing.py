"""A real process that delivers new and old states of submissions, one after another."""

from __future__ import annotations

import json
import multiprocessing
import time
from contextlib import closing
from multiprocessing.context import ForkServerProcess
from random import Random

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.writer import Writer
from simulator.control_client import SimulatorControl
from simulator.process import SimulatorProcess

MOST_REMEMBERED = 400


def start_pusher(
    simulator: SimulatorProcess, database_url: str, *, seconds: float, seed: int
) -> ForkServerProcess:
    """Deliver for so many seconds; the process ends with 0 if every delivery was taken."""
    processes = multiprocessing.get_context("forkserver")
    process = processes.Process(
        target=_push, args=(simulator.url, simulator.asset, database_url, seconds, seed)
    )
    process.start()
    return process


def _push(url: str, asset: str, database_url: str, seconds: float, seed: int) -> None:
    random = Random(seed)
    engine = open_engine(database_url)
    writer = Writer(engine, Mirror(KOBO_RECORDS, url, asset))
    bodies: list[bytes] = []
    until = time.monotonic() + seconds
    with closing(SimulatorControl(url)) as control:
        while time.monotonic() < until:
            bodies += [json.dumps(row).encode() for row in control.rows()]
            del bodies[:-MOST_REMEMBERED]
            for body in random.choices(bodies, k=20):
                writer.push(body)
    engine.dispose()
