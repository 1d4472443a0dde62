"""Which form a delivery belongs to, by the name that it gives."""

from __future__ import annotations

from typing import Any

import pytest
from falcon import testing
from sqlalchemy import Engine, select

from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.form_names import learn_id_strings
from kobo_mirror.store.tables import dead_letters
from tests.webhook.application import MIRROR, NOTHING, OTHER, Tables, client_of, outcome, post
from tests.webhook.bodies import ASSET, body


def test_a_submission_that_does_not_name_its_form_is_of_the_only_one(
    client: testing.TestClient, tables: Tables
) -> None:
    assert outcome(post(client, body(1, _xform_id_string=None))) == (200, "inserted", None)
    assert tables.count()["records"] == 1


OTHERS = [OTHER, "", 5, ["x"], {"a": 1}, "'; DROP TABLE x", "\ud800", "é" * 300]


@pytest.mark.parametrize("asset", OTHERS)
def test_a_submission_of_another_form_is_kept_but_not_taken(
    client: testing.TestClient, engine: Engine, tables: Tables, asset: Any
) -> None:
    learn(engine, MIRROR.asset_uid)
    result = post(client, body(1, _xform_id_string=asset))
    assert result.status_code == 404
    assert result.json["message"].startswith("unknown asset ")
    assert result.json["dead_letter"] == 1
    assert tables.dead_letter()[2] == body(1, _xform_id_string=asset)
    assert tables.count() == NOTHING | {"dead": 1}


def test_a_name_that_no_form_builder_gives_is_asked_for_whatever_was_learnt(
    client: testing.TestClient, engine: Engine, tables: Tables
) -> None:
    learn(engine, MIRROR.asset_uid)
    assert outcome(post(client, body(1, _xform_id_string="household_survey_2016"))) == (200, "deferred", None)
    assert tables.count() == NOTHING | {"to_fetch": 1}


def learn(engine: Engine, *names: str) -> None:
    """Have a pull show these names of the form."""
    learn_id_strings(engine, MIRROR, names)


def test_a_form_by_another_name_is_taken_once_a_pull_has_shown_it(
    client: testing.TestClient, engine: Engine, tables: Tables
) -> None:
    legacy = body(1, _xform_id_string="household_survey_2016")
    assert outcome(post(client, legacy)) == (200, "deferred", None)
    assert tables.count() == NOTHING | {"to_fetch": 1}
    learn(engine, "household_survey_2016")
    assert outcome(post(client, legacy)) == (200, "inserted", None)
    assert outcome(post(client, body(2))) == (200, "inserted", None)
    assert post(client, body(3, _xform_id_string=OTHER)).status_code == 404
    learn(engine, OTHER)
    assert outcome(post(client, body(3, _xform_id_string=OTHER))) == (200, "inserted", None)


@pytest.mark.parametrize("asset", ["", 5, ["x"], {"a": 1}])
def test_what_is_no_name_is_never_of_this_form(
    client: testing.TestClient, tables: Tables, asset: Any
) -> None:
    assert post(client, body(1, _xform_id_string=asset)).status_code == 404
    assert tables.count() == NOTHING | {"dead": 1}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ["two words", "'; DROP TABLE x", "a/b", "a\n", "é b", "x" * 101])
def test_what_cannot_be_the_name_of_a_form_is_not_asked_for(
    client: testing.TestClient, tables: Tables, name: str
) -> None:
    assert post(client, body(1, _xform_id_string=name)).status_code == 404
    assert tables.count() == NOTHING | {"dead": 1}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ["x" * 100, "a.b-c_d", "été", "7"])
def test_what_can_be_one_is_asked_for_until_a_pull_has_shown_some(
    client: testing.TestClient, tables: Tables, name: str
) -> None:
    assert outcome(post(client, body(1, _xform_id_string=name))) == (200, "deferred", None)
    assert tables.count() == NOTHING | {"to_fetch": 1}


def test_a_dead_letter_knows_the_form_that_it_was_posted_to(
    client: testing.TestClient, engine: Engine
) -> None:
    learn(engine, MIRROR.asset_uid)
    post(client, b"no JSON")
    post(client, body(1, _xform_id_string=OTHER))
    with engine.connect() as connection:
        assert list(connection.scalars(select(dead_letters.c.asset_uid))) == [ASSET, ASSET]


def test_with_several_forms_a_submission_must_name_its_own(engine: Engine, tables: Tables) -> None:
    client = client_of(engine, MIRROR, Mirror(KOBO_RECORDS, MIRROR.server, OTHER))
    assert post(client, body(1, _xform_id_string=None)).status_code == 404
    assert post(client, body(1)).status_code == 200
    assert tables.count() == NOTHING | {"records": 1, "ledger": 1, "dead": 1}
    assert post(client, body(2, _xform_id_string="learnt_by_neither")).status_code == 404
    assert tables.count() == NOTHING | {"records": 1, "ledger": 1, "dead": 2}
    with engine.connect() as connection:
        assert list(connection.scalars(select(dead_letters.c.asset_uid))) == [None, None]
