"""A mirror that version 0.1 made keeps its one table, until a person approves a plan of the others."""

from __future__ import annotations

import json

from sqlalchemy import inspect, text

from kobo_mirror.forms.declared import FORM
from kobo_mirror.kobo.form import open_form
from kobo_mirror.store.schema import migrate
from kobo_mirror.sync.mirror import MirrorSync
from tests.support.mirroring import Mirroring
from tests.support.tables import records


def test_the_rest_of_the_survey_waits_for_a_person(mirroring: Mirroring) -> None:
    engine, simulator = mirroring.engine, mirroring.simulator
    migrate(engine, FORM)
    with open_form(simulator.url, simulator.token, simulator.asset) as client:
        MirrorSync(client, engine, server=mirroring.mirror.server, form=FORM).run()
    before = records(engine)
    code, out, errors = mirroring.command("sync")
    assert code == 0, errors
    assert "a change of its tables waits for a person" in out
    assert {name for name in inspect(engine).get_table_names() if name.startswith("kobo_records")} == {
        "kobo_records"
    }
    ahead = json.loads(mirroring.command("plan", "--json")[1])
    (step,) = ahead["waiting"]
    assert (step["care"], step["table"]) == ("careful", "kobo_records__rest")
    code, out, errors = mirroring.command("apply", ahead["code"])
    assert code == 0, errors
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT COUNT(*) FROM kobo_records__rest")) == len(before)
    assert records(engine) == before
    assert mirroring.command("verify", "--full")[0] == 0
