"""A form of 200,000 submissions takes no more memory than a small one, nor do large submissions."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import sync_runs
from simulator.process import SimulatorProcess
from tests.support.mirroring import Mirroring
from tests.support.tables import rows_of

ROWS = 200_000


@pytest.fixture
def large(database_url: str) -> Iterator[Mirroring]:
    engine = open_engine(database_url)
    migrate(engine, KOBO_RECORDS)
    with SimulatorProcess(rows=ROWS) as simulator:
        yield Mirroring(simulator, database_url, engine, [])
    engine.dispose()


@pytest.mark.long
def test_memory_stays_flat_whatever_the_size_of_the_form(large: Mirroring) -> None:
    for command in (["sync"], ["verify", "--full"]):
        process = large.start(*command)
        seen = list(_memory(process))
        out, err = process.communicate()
        quarter = max(seen[: len(seen) // 4])
        kind = large.engine.dialect.name
        print(f"{command[0]} on {kind}: {max(seen):.0f} MiB, {quarter:.0f} MiB in the first quarter")
        assert process.returncode == 0, err
        assert max(seen) < 250
        assert max(seen) < quarter + 60
        assert str(ROWS) in out
    assert sum(row["inserted"] for row in rows_of(large.engine, sync_runs)) == ROWS


@pytest.mark.long
@pytest.mark.parametrize("small", [0, 300])
def test_memory_is_bounded_where_submissions_are_large(embedded: Mirroring, small: int) -> None:
    """Four pages of 1,000 took 260 MiB, whether first ones or those that came behind small submissions."""
    for _ in range(4):
        if small:
            embedded.simulator.control.create(small)
        embedded.simulator.control.create(1_500 - small, remarks="x" * 20_000)
    process = embedded.start("sync")
    seen = list(_memory(process))
    assert process.wait() == 0
    print(f"{max(seen):.0f} MiB")
    assert max(seen) < 200


def _memory(process: subprocess.Popen[str]) -> Iterator[float]:
    """What it holds, in MiB, twenty times a second until its end."""
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        with suppress(psutil.NoSuchProcess):
            yield watched.memory_info().rss / 2**20
        time.sleep(0.05)
