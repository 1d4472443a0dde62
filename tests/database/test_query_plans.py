"""The plan of each statement that the product runs on a server, collected from real runs."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, text

from kobo_mirror.cli.status import status
from kobo_mirror.database.engine import reading
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.dead_letters import keep
from kobo_mirror.store.overview import read_state
from kobo_mirror.store.writer import Writer
from kobo_mirror.sync.mirror import MirrorSync
from kobo_mirror.sync.replay import replay_dead_letters, replay_rejections
from simulator.process import SimulatorProcess
from tests.support.drivers import DRIVERS
from tests.support.mirroring import Mirroring
from tests.support.query_plans import Collected, collecting, grow, read_whole
from tests.support.submissions import body, submission

pytestmark = pytest.mark.parametrize("server_engine", DRIVERS[:1], indirect=True)  # plans are the server's

LARGE = ("kobo_submissions", "kobo_records", "kobo_records__rest")
COPIES = 7  # doublings of the 300 submissions
WALKS = (
    r"root_uuid \nFROM",  # the drain finds what the history names by root uuid
    r"FROM kobo_records \nWHERE kobo_records.kobo_id > \S+ ORDER BY",  # verify: what lies above the last one
    r"__rows\), .* \nFROM kobo_records__rest\)",  # an exact run sums up how many rows the repeats should have
    r"GROUP BY kobo_submissions.state|deleted_at >",  # the delete guard, where deletes wait
)


@pytest.fixture
def mirroring(simulator: SimulatorProcess, server_engine: Engine) -> Iterator[Mirroring]:
    url = server_engine.url.render_as_string(hide_password=False)
    yield Mirroring(simulator, url, server_engine, [])
    simulator.control.reset(rows=300)


@pytest.fixture
def collected(mirroring: Mirroring) -> Collected:
    """Each kind of statement once, with the parameters of a run."""
    with collecting(mirroring.engine, LARGE) as found:
        _do_everything(mirroring)
    return found


def _do_everything(mirroring: Mirroring) -> None:
    control, engine = mirroring.simulator.control, mirroring.engine
    mirroring.sync()
    mirror = mirroring.mirror
    ids = control.ids()
    control.edit(ids[10:20], **{"sec_c/cd_age": "41"})
    control.edit(ids[20:22], **{"sec_c/cd_age": "abc"})
    control.delete(ids[30:33])
    mirroring.sync(mode="exact")
    control.edit(ids[40:42], **{"sec_c/cd_age": "42"})
    mirroring.sync(mode="incremental")
    Writer(engine, mirror).push(body(submission(ids[-1] + 1)))
    Writer(engine, mirror).push(body(submission(ids[50])))
    with engine.begin() as connection:
        connection.execute(text("UPDATE kobo_records SET age = 7 WHERE kobo_id = :id"), {"id": ids[60]})
        connection.execute(text("DELETE FROM kobo_records WHERE kobo_id = :id"), {"id": ids[61]})
    keep(engine, body=b"{", source="webhook", reason="not JSON")
    replay_dead_letters(engine, mirror, "rejected")
    with mirroring.client() as client:
        syncing = MirrorSync(client, engine, server=mirror.server)
        syncing.repair(mirroring.verify())
        replay_rejections(engine, mirror, syncing.ask_again)
    assert mirroring.verify().equal
    status(engine)
    with reading(engine) as connection:
        read_state(connection, KOBO_RECORDS, mirror.asset_uid)


def _grow(connection: Connection) -> None:
    """Make these tables as large as those of a form."""
    grow(connection, LARGE, COPIES, {"id": "UNHEX(LEFT(SHA2(CONCAT(HEX(id), {copy}), 256), 32))"})


def test_no_statement_reads_a_whole_table(server_engine: Engine, collected: Collected) -> None:
    assert len(collected) > 20
    with server_engine.begin() as connection:
        _grow(connection)
    slow = {}
    with server_engine.connect() as connection:
        for statement, parameters in collected.values():
            walk = any(re.search(mark, statement) for mark in WALKS)
            if not walk and (whole := read_whole(connection, statement, parameters, LARGE)):
                slow[statement] = whole
    assert not slow


def test_a_statement_that_reads_a_whole_table_is_seen(server_engine: Engine, mirroring: Mirroring) -> None:
    """The check above can fail."""
    mirroring.sync()
    with server_engine.begin() as connection:
        _grow(connection)
        assert read_whole(connection, "SELECT id FROM kobo_records WHERE age = 41", (), LARGE)
