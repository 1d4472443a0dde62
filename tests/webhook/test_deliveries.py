"""Registered at a (simulated) KoboToolbox server, the running webhook takes what that server posts."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from kobo_mirror.config.settings import server_url
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.kobo.form import open_form
from kobo_mirror.kobo.rest_services import ensure_registered
from kobo_mirror.store.binding_checks import bind
from simulator.process import SimulatorProcess
from tests.webhook.application import Tables
from tests.webhook.bodies import PATH, SECRET
from tests.webhook.service import running_service


@pytest.mark.parametrize("channel", ["REST Service", "registrar"])
def test_what_the_server_posts_is_in_the_tables(
    simulator: SimulatorProcess, unbound: Engine, database_url: str, tmp_path: Path, channel: str
) -> None:
    bind(unbound, Mirror(KOBO_RECORDS, server_url(simulator.url), simulator.asset))
    tables = Tables(unbound)
    form = {"KOBO_URL": simulator.url, "KOBO_ASSET_ID": simulator.asset}
    registrar = f"{simulator.url}/register_webhook" if channel == "registrar" else None
    with running_service(database_url, tmp_path, **form) as service:
        with open_form(simulator.url, simulator.token, simulator.asset) as client:
            endpoint = f"http://127.0.0.1:{service.port}{PATH}"
            ensure_registered(client, endpoint=endpoint, secret=SECRET, registrar_url=registrar, known=[])
        ids = simulator.control.create(30)
        simulator.control.wait_deliveries()
        simulator.control.edit(ids[:10], cd_age=321)
        simulator.control.wait_deliveries()
        assert SECRET not in service.log()
    assert tables.cells("kobo_id") == sorted(ids)
    edited = 10 if channel == "registrar" else 0  # a REST Service does not fire on edits
    assert tables.cells("age").count(321) == edited
    assert tables.count() == {"records": 30, "ledger": 30, "to_fetch": 0, "dead": 0}
