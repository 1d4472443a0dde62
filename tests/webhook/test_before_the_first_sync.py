"""Deliveries to a database that no sync has seen yet: they are asked for, and the first sync brings them."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from kobo_mirror.config.settings import server_url
from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.kobo.form import open_form
from kobo_mirror.store.bindings import note_binding
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import forms
from kobo_mirror.sync.mirror import MirrorSync
from simulator.process import SimulatorProcess
from tests.support.submissions import body as body_of
from tests.support.tables import ledger, queued_refs, rows_of
from tests.webhook.application import MIRROR, NOTHING, OTHER, Tables, client_of, outcome, post
from tests.webhook.bodies import body

NOT_KNOWN = Mirror(None, *MIRROR.identity)
"""The form as the service is told of it: which tables it has is asked of the database."""


def test_a_delivery_is_asked_for_and_nothing_is_bound(unbound: Engine) -> None:
    client, tables = client_of(unbound, NOT_KNOWN), Tables(unbound)
    assert client.simulate_get("/health/ready").status_code == 200
    for sent in (body(1), body(1), body(2, **{"sec_c/cd_age": "x"})):
        assert outcome(post(client, sent)) == (200, "deferred", None)
    assert tables.count() == NOTHING | {"to_fetch": 2}
    assert rows_of(unbound, forms) == []
    assert client.simulate_get("/metrics").text.count('result="deferred"} 3') == 1


def test_what_is_no_submission_is_kept_all_the_same(unbound: Engine) -> None:
    assert post(client_of(unbound, NOT_KNOWN), b"[]").status_code == 400
    assert Tables(unbound).count() == NOTHING | {"dead": 1}


@pytest.mark.parametrize("name", [MIRROR.asset_uid, "household_survey_2016"])
def test_the_database_of_another_form_takes_nothing(unbound: Engine, name: str) -> None:
    note_binding(unbound, Mirror(KOBO_RECORDS, MIRROR.server, OTHER))
    client = client_of(unbound, NOT_KNOWN)
    assert post(client, body(1, _xform_id_string=name)).status_code == 503
    assert client.simulate_get("/health/ready").status_code == 503
    assert Tables(unbound).count() == NOTHING


@pytest.mark.parametrize("declared", [True, False])
def test_the_first_sync_brings_what_was_delivered_before_it(
    simulator: SimulatorProcess, database_url: str, declared: bool
) -> None:
    form = KOBO_RECORDS if declared else None
    engine = open_engine(database_url)
    migrate(engine, form)
    server = server_url(simulator.url)
    client = client_of(engine, Mirror(None, server, simulator.asset))
    first, second, *_ = simulator.control.rows()
    assert outcome(post(client, body_of(first))) == (200, "deferred", None)
    assert list(queued_refs(engine)) == [str(first["_id"])]
    with open_form(simulator.url, simulator.token, simulator.asset) as asking:
        MirrorSync(asking, engine, form=form, server=server).run()
    assert queued_refs(engine) == {}
    assert sorted(ledger(engine)) == simulator.control.ids()
    assert {row["state"] for row in ledger(engine).values()} <= {"applied", "rejected"}
    assert outcome(post(client, body_of(second)))[:2] == (200, "unchanged")
    assert client.simulate_get("/health/ready").status_code == 200
    assert "kobo_webhook_database_up 1.0" in client.simulate_get("/metrics").text
    engine.dispose()
