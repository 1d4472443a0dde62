"""Runs and proofs of one form are found by an index among those of many forms."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from kobo_mirror.cli.status import status
from kobo_mirror.database.engine import clock, reading
from kobo_mirror.forms.declared import FORM
from kobo_mirror.store.overview_of_all import read_states
from kobo_mirror.store.proofs import note_proof
from kobo_mirror.store.runs import finish_run, open_run
from kobo_mirror.store.tables import PROVEN
from simulator.process import SimulatorProcess
from tests.support.drivers import DRIVERS
from tests.support.mirroring import Mirroring
from tests.support.query_plans import collecting, read_whole

TABLES = ("kobo_sync_runs", "kobo_proofs")
FORMS = 40


@pytest.mark.parametrize("server_engine", DRIVERS[:1], indirect=True)  # plans are the server's
def test_no_statement_reads_the_runs_of_other_forms(
    server_engine: Engine, simulator: SimulatorProcess
) -> None:
    url = server_engine.url.render_as_string(hide_password=False)
    mirroring = Mirroring(simulator, url, server_engine, [])
    mirroring.sync()
    for number in range(5 * FORMS):
        asset, moment = f"aOther{number % FORMS:016d}", clock(server_engine)
        found = dict.fromkeys(PROVEN, 0)
        note_proof(server_engine, asset, started_at=moment, whole=not number % 2, found=found)
    with server_engine.begin() as connection:
        for number in range(FORMS):
            for _ in range(25):
                run = open_run(connection, f"aOther{number:016d}", "sync", "exact", None)
                finish_run(connection, run)
        connection.execute(text("ANALYZE TABLE kobo_sync_runs, kobo_proofs")).all()
    with collecting(server_engine, TABLES) as asked:
        mirroring.sync(mode="exact")
        mirroring.sync(mode="incremental")
        assert mirroring.verify().equal
        status(server_engine)
        with reading(server_engine) as connection:
            read_states(connection, FORM)
    assert len(asked) > 8
    with server_engine.connect() as connection:
        read = {
            statement: whole
            for statement, parameters in asked.values()
            if (whole := read_whole(connection, statement, parameters, TABLES))
        }
    assert not read
