"""Deliveries to the paths of forms: each has a secret of its own, and is learnt from the database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from falcon import testing
from sqlalchemy import Engine, select, text, update

from kobo_mirror.config.deliveries import form_secret
from kobo_mirror.database.engine import transact
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.dropping import drop_form
from kobo_mirror.store.form_names import learn_id_strings
from kobo_mirror.store.let_go import let_go
from kobo_mirror.store.tables import dead_letters, forms, leases
from kobo_mirror.sync.receive_by_path import PathReceivers
from kobo_mirror.sync.replay import replay_dead_letters
from tests.support.forms.applied import SURVEY, Applying
from tests.support.forms.delivered import sent
from tests.support.forms.surveys import V1, V2, survey
from tests.support.tables import queued_refs
from tests.webhook.application import MIRROR, NOTHING, Tables, client_of, outcome, post
from tests.webhook.bodies import ASSET, PATH, PREVIOUS_SECRET, SECRET, body
from webhook.app import Dependencies, create_app

ON_ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
HERE, THERE = "aFormOfThisTest00000001", "aFormOfThisTest00000002~2"


def of(key: str, kobo_id: int, **further: Any) -> bytes:
    return sent(kobo_id, **{"_xform_id_string": key.partition("~")[0]} | further)


def deliver(client: testing.TestClient, key: str, raw: bytes, secret: str | None = None) -> testing.Result:
    shown = form_secret(SECRET, key) if secret is None else secret
    headers = {"Content-Type": "application/json", "Content-Length": str(len(raw)), "X-Webhook-Secret": shown}
    return client.simulate_post(f"{PATH}/{key}", body=raw, headers=headers)


def letters(engine: Engine) -> list[tuple[str | None, str]]:
    """Form and reason of each dead letter."""
    with engine.connect() as connection:
        rows = connection.execute(select(dead_letters.c.asset_uid, dead_letters.c.reason))
        return [(asset, reason) for asset, reason in rows]


@pytest.fixture
def applied(engine: Engine) -> Iterator[dict[str, Applying]]:
    """Two forms beside the one of the settings; the second one is of another server."""
    made = {key: Applying(engine, key) for key in (HERE, THERE)}
    for number, (key, applying) in enumerate(made.items()):
        applying.apply(survey(V1, uid=key, name=f"form {number}"))
    yield made
    for applying in made.values():
        applying.forget()


def test_each_form_takes_its_own_and_nothing_else(
    applied: dict[str, Applying], engine: Engine, tables: Tables
) -> None:
    client = client_of(engine)
    for key in applied:
        assert outcome(deliver(client, key, of(key, 7))) == (200, "inserted", None)
        assert outcome(deliver(client, key, of(key, 7))) == (200, "unchanged", None)
    assert tables.count() == NOTHING | {"ledger": 2}
    for named in (ASSET, None, "household_survey_2016"):
        learn_id_strings(engine, Mirror(None, SURVEY.server, HERE), [HERE])
        refused = deliver(client, HERE, of(HERE, 8, _xform_id_string=named))
        assert (refused.status_code, refused.json["message"][:13]) == (404, "unknown asset")
    assert [asset for asset, _ in letters(engine)] == [HERE] * 3
    learn_id_strings(engine, Mirror(None, SURVEY.server, HERE), ["household_survey_2016"])
    legacy = of(HERE, 8, _xform_id_string="household_survey_2016")
    assert outcome(deliver(client, HERE, legacy)) == (200, "inserted", None)
    assert deliver(client, HERE, b"[]").status_code == 400
    assert letters(engine)[-1][0] == HERE


def test_a_body_at_the_wrong_path_is_told_which_one_takes_it(
    applied: dict[str, Applying], engine: Engine, tables: Tables
) -> None:
    unset = testing.TestClient(
        create_app(Dependencies(engine=engine, probe=engine, mirrors=[], secrets=(SECRET,)))
    )
    learn_id_strings(engine, Mirror(None, SURVEY.server, HERE), [HERE])
    learn_id_strings(engine, Mirror(None, SURVEY.server, THERE), ["household_survey_2016"])
    learn_id_strings(engine, MIRROR, [ASSET])
    theirs = f"this form is taken at {PATH}/{THERE}, with the secret of that path"
    here = f"this form is taken at {PATH}/{HERE}, with the secret of that path"
    for named, told in ((HERE, here), (THERE.partition("~")[0], theirs), ("household_survey_2016", theirs)):
        raw = of(HERE, 8, _xform_id_string=named)
        refused = [post(unset, raw)]
        if told is theirs:
            refused.append(deliver(unset, HERE, raw))
        else:
            refused += [deliver(unset, THERE, raw), post(client_of(engine), raw)]
        for one in refused:
            assert one.status_code == 404
            assert one.json["message"] == f"unknown asset {named}: {told}"
    assert {reason for _, reason in letters(engine)} == {
        f"unknown asset {named}" for named in (HERE, THERE.partition("~")[0], "household_survey_2016")
    }
    nobodys = post(unset, of(HERE, 8, _xform_id_string="aNobodysForm0000000001"))
    assert nobodys.json["message"] == "unknown asset aNobodysForm0000000001"
    with engine.begin() as connection:
        let_go(connection, HERE)
    assert post(unset, of(HERE, 8)).json["message"] == f"unknown asset {HERE}"


@ON_ONE_DATABASE
def test_a_secret_opens_the_path_of_its_form_alone(applied: dict[str, Applying], engine: Engine) -> None:
    client = client_of(engine)
    own = form_secret(SECRET, HERE)
    wrong = ("", SECRET, PREVIOUS_SECRET, own[:-1], form_secret(SECRET, THERE), form_secret("another", HERE))
    for secret in wrong:
        assert deliver(client, HERE, of(HERE, 1), secret).status_code == 401
    for path in (PATH, f"{PATH}/{THERE}", f"{PATH}/aNobodysForm0000000001"):
        headers = {"Content-Type": "application/json", "X-Webhook-Secret": own}
        assert client.simulate_post(path, body=body(1), headers=headers).status_code == 401
    assert letters(engine) == []
    assert deliver(client, HERE, of(HERE, 1), own).status_code == 200
    assert deliver(client, HERE, of(HERE, 2), form_secret(PREVIOUS_SECRET, HERE)).status_code == 200
    rotated = client_of(engine, secrets=(SECRET,))
    assert deliver(rotated, HERE, of(HERE, 3), form_secret(PREVIOUS_SECRET, HERE)).status_code == 401
    assert deliver(client_of(engine, secrets=()), HERE, of(HERE, 3), "").status_code == 200


def test_a_form_is_learnt_without_a_restart_and_forgotten_when_it_is_dropped(
    engine: Engine, tables: Tables
) -> None:
    client, applying = client_of(engine), Applying(engine, HERE)
    early = deliver(client, HERE, of(HERE, 1))
    assert early.status_code == 404
    assert early.json["message"].startswith("no form of this address is mirrored here")
    assert letters(engine) == [(HERE, early.json["message"])]
    applying.apply(survey(V1, uid=HERE, name="form 0"))
    assert outcome(deliver(client, HERE, of(HERE, 2))) == (200, "inserted", None)
    applying.apply(survey(V1, V2, uid=HERE, name="form 0"))
    assert outcome(deliver(client, HERE, of(HERE, 3))) == (200, "inserted", None)
    (fate,) = replay_dead_letters(engine, Mirror(None, SURVEY.server, HERE, applying.schema), "rejected")
    assert fate.is_done, fate
    assert tables.count()["ledger"] == 3
    applying.forget()
    assert deliver(client, HERE, of(HERE, 4)).status_code == 404
    assert letters(engine)[-1][0] == HERE


@ON_ONE_DATABASE
@pytest.mark.parametrize("key", ["x", "a" * 41, "é" * 20, "%2e%2e", "aForm0000001~", "'; DROP TABLE x"])
def test_what_is_no_form_key_is_of_no_form(engine: Engine, tables: Tables, key: str) -> None:
    shown = form_secret(SECRET, "..") if key == "%2e%2e" else None
    assert deliver(client_of(engine), key, of(HERE, 1), shown).status_code == 404
    assert tables.count() == NOTHING | {"dead": 1}
    assert letters(engine)[0][0] is None


def test_before_the_first_tables_a_delivery_is_asked_for(
    applied: dict[str, Applying], engine: Engine, tables: Tables
) -> None:
    schema = {"schema": None, "schema_fingerprint": None, "intended_schema": forms.c.schema}
    with engine.begin() as connection:
        connection.execute(update(forms).where(forms.c.asset_uid == HERE).values(schema))
    client = client_of(engine)
    for kobo_id, named in enumerate((HERE, "household_survey_2016"), 1):
        assert outcome(deliver(client, HERE, of(HERE, kobo_id, _xform_id_string=named)))[1] == "deferred"
    assert list(queued_refs(engine)) == ["1", "2"]
    assert tables.count() == NOTHING | {"to_fetch": 2}


@pytest.mark.parametrize("how", ["before its first delivery", "after it"])
@pytest.mark.parametrize("drop", [False, True])
def test_a_form_that_was_let_go_answers_410_and_nothing_is_kept(
    applied: dict[str, Applying], engine: Engine, tables: Tables, how: str, drop: bool
) -> None:
    client = client_of(engine)
    if how == "after it":
        assert outcome(deliver(client, HERE, of(HERE, 1))) == (200, "inserted", None)
    if drop:
        with engine.begin() as connection:
            connection.execute(leases.delete())
        drop_form(engine, HERE)
    else:
        transact(engine, lambda connection: let_go(connection, HERE))
    before = tables.count()
    for named in (HERE, "household_survey_2016"):
        answer = deliver(client, HERE, of(HERE, 2, _xform_id_string=named))
        assert (answer.status_code, "dead_letter" in answer.json) == (410, False)
        assert "mirrored no longer" in answer.json["message"]
    assert deliver(client, HERE, of(HERE, 2), "wrong").status_code == 401
    assert (tables.count(), letters(engine)) == (before, [])
    assert outcome(deliver(client, THERE, of(THERE, 3))) == (200, "inserted", None)


def test_the_form_of_the_settings_answers_410_too_once_it_was_let_go(engine: Engine, tables: Tables) -> None:
    client = client_of(engine)
    headers = {"Content-Type": "application/json", "X-Webhook-Secret": SECRET}

    def post(kobo_id: int) -> int:
        return client.simulate_post(PATH, body=body(kobo_id), headers=headers).status_code

    assert post(1) == 200
    transact(engine, lambda connection: let_go(connection, MIRROR.asset_uid))
    before = tables.count()
    assert post(2) == 410
    assert tables.count() == before
    with engine.begin() as connection:
        connection.execute(update(forms).values(let_go_at=None))
    assert post(2) == 200


@ON_ONE_DATABASE
def test_without_a_form_in_the_settings_only_paths_of_forms_are_served(
    applied: dict[str, Applying], engine: Engine
) -> None:
    deps = Dependencies(engine=engine, probe=engine, mirrors=[], secrets=(SECRET,))
    client = testing.TestClient(create_app(deps))
    assert outcome(deliver(client, HERE, of(HERE, 1))) == (200, "inserted", None)
    headers = {"Content-Type": "application/json", "X-Webhook-Secret": SECRET}
    assert client.simulate_post(PATH, body=body(1), headers=headers).status_code == 404
    assert letters(engine)[-1][0] is None
    assert client.simulate_get("/health/ready").json == {"status": "success"}


@ON_ONE_DATABASE
def test_a_form_that_takes_nothing_is_told_and_stops_no_other(
    applied: dict[str, Applying], engine: Engine
) -> None:
    client = client_of(engine)
    assert client.simulate_get("/health/ready").json == {"status": "success"}
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE form_1__members"))
        connection.execute(text("DROP TABLE form_1"))
    assert client.simulate_get("/health/ready").json == {"status": "success", "forms_unavailable": 1}
    assert deliver(client, THERE, of(THERE, 1)).status_code == 503
    assert outcome(deliver(client, HERE, of(HERE, 1))) == (200, "inserted", None)
    shown = client.simulate_get("/metrics").text
    assert f'kobo_webhook_form_deliveries_total{{result="inserted",uid="{HERE}"}} 1.0' in shown
    assert f'kobo_webhook_form_deliveries_total{{result="unavailable",uid="{THERE}"}} 1.0' in shown
    assert 'kobo_mirror_rejections{form="form_0"} 0.0' in shown
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE kobo_records"))
    assert client.simulate_get("/health/ready").status_code == 503


@ON_ONE_DATABASE
def test_forms_that_were_not_used_for_long_are_let_go(applied: dict[str, Applying], engine: Engine) -> None:
    columns = sum(len(table.columns) for table in survey(V1, uid=HERE).tables)
    receivers = PathReceivers(engine, "rejected", most_columns=columns)
    for kobo_id in range(1, 4):
        for key, other in ((HERE, THERE), (THERE, HERE)):
            receivers.receive(key, of(key, kobo_id))
            assert (receivers.knows(key), receivers.knows(other)) == (True, False)
            assert receivers.columns == columns
    assert Tables(engine).count()["ledger"] == 6
    assert PathReceivers(engine, "rejected", most_columns=0).receive(HERE, of(HERE, 9))


@ON_ONE_DATABASE
def test_the_mirror_of_the_settings_has_a_path_too(engine: Engine, tables: Tables) -> None:
    client = client_of(engine)
    assert outcome(deliver(client, MIRROR.asset_uid, body(1))) == (200, "inserted", None)
    assert tables.count()["records"] == 1
