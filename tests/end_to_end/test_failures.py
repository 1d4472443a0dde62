"""Deliveries that KoboToolbox gave up: the next sync asks for them, each failure once."""

from __future__ import annotations

import socket
from urllib.parse import unquote

import pytest
from sqlalchemy import text

from kobo_mirror.config.settings import server_url
from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.kobo.form import open_form
from kobo_mirror.store.schema import migrate
from kobo_mirror.sync.mirror import MirrorSync
from kobo_mirror.sync.register import register_webhook
from simulator.process import SimulatorProcess


@pytest.fixture
def closed_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}/api/real-time-updates"


def test_failed_deliveries_are_asked_for_once(
    simulator: SimulatorProcess, database_url: str, closed_port: str
) -> None:
    engine = open_engine(database_url)
    migrate(engine, KOBO_RECORDS)
    with open_form(simulator.url, simulator.token, simulator.asset) as client:
        sync = MirrorSync(client, engine, form=KOBO_RECORDS, server=server_url(simulator.url), exact_up_to=0)
        sync.run()
        register_webhook(client, engine, endpoint=closed_port, secret="s3cret")
        lost = simulator.control.create(3)
        simulator.control.wait_deliveries()
        first = sync.run()
        second = sync.run()
    assert first["inserted"] == len(lost)
    asked = [entry for entry in simulator.control.requests() if '"$in"' in unquote(entry["query"])]
    assert len(asked) == 1
    assert second["rows_read"] == 0
    with engine.connect() as connection:
        until = connection.execute(text("SELECT failures_read_until FROM kobo_registrations")).scalar_one()
    assert until is not None
    engine.dispose()
