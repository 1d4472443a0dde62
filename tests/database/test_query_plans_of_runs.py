"""Runs and proofs of one form are found by an index among those of many forms."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from kobo_mirror.cli.status import status
from kobo_mirror.store.runs import finish_run, open_run
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
    with server_engine.begin() as connection:
        for number in range(FORMS):
            for _ in range(25):
                run = open_run(connection, f"aOther{number:016d}", "sync", "exact", None)
                finish_run(connection, run)
        connection.execute(text("ANALYZE TABLE kobo_sync_runs, kobo_proofs")).all()
    with collecting(server_engine, TABLES) as found:
        mirroring.sync(mode="exact")
        mirroring.sync(mode="incremental")
        assert mirroring.verify().equal
        status(server_engine)
    assert len(found) > 8
    with server_engine.connect() as connection:
        read = {
            statement: whole
            for statement, parameters in found.values()
            if (whole := read_whole(connection, statement, parameters, TABLES))
        }
    assert not read
