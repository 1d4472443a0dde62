"""Deliveries to the paths of forms tell Airflow: each the asset of its form."""

from __future__ import annotations

import pytest
from falcon import testing
from sqlalchemy import Engine

from kobo_mirror.config.asset_addresses import asset_name, asset_uri
from kobo_mirror.config.deliveries import form_secret
from tests.support.forms.applied import Applying
from tests.support.forms.delivered import sent
from tests.support.forms.surveys import V1, survey
from tests.webhook.bodies import ASSET as OWN
from tests.webhook.bodies import PATH, SECRET, body
from tests.webhook.pretended_airflow import ASSET, LOGIN, Airflow, until
from webhook.app import get_app

HERE, THERE = "aFormOfThisTest00000001", "aFormOfThisTest00000002~2"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_each_delivery_tells_the_asset_of_its_form(
    engine: Engine, database_url: str, airflow: tuple[Airflow, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known, url = airflow
    tables = {HERE: "households", THERE: "visits"}
    for number, table in enumerate(tables.values(), 20):
        known.assets[asset_uri(table)] = number
    for key, table in tables.items():
        Applying(engine, key).apply(survey(V1, uid=key, name=table))
    settings = {
        "DATABASE_URL": database_url,
        "KOBO_URL": "https://kobo.example",
        "KOBO_ASSET_ID": OWN,
        "WEBHOOK_SECRET": SECRET,
        "WEBHOOK_AIRFLOW_URL": url,
        "WEBHOOK_AIRFLOW_LOGIN": LOGIN,
        "WEBHOOK_AIRFLOW_EVERY_SECONDS": "1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    client = testing.TestClient(get_app())

    def deliver(path: str, raw: bytes, secret: str) -> str:
        headers = {"Content-Type": "application/json", "Content-Length": str(len(raw))}
        answered = client.simulate_post(path, body=raw, headers=headers | {"X-Webhook-Secret": secret})
        return str(answered.json.get("result"))

    def of(key: str, kobo_id: int) -> str:
        raw = sent(kobo_id, _xform_id_string=key.partition("~")[0])
        return deliver(f"{PATH}/{key}", raw, form_secret(SECRET, key))

    assert deliver(PATH, body(1), SECRET) == "inserted"
    assert deliver(f"{PATH}/{OWN}", body(2), form_secret(SECRET, OWN)) == "inserted"
    assert [of(HERE, 1), of(HERE, 2), of(THERE, 3)] == ["inserted"] * 3
    assert [of(HERE, 1), of("aNobodysForm0000000001", 1)] == ["unchanged", "None"]
    totals = {ASSET: 2, asset_uri("households"): 2, asset_uri("visits"): 1}
    until(lambda: {uri: sum(counts) for uri, counts in known.told().items()} == totals)


@pytest.mark.parametrize("table", ["households", "visites_à_domicile", "مسح_الأسر", "የቤተሰብ_ጥናት"])
def test_an_asset_has_only_letters_that_airflow_takes(table: str) -> None:
    assert asset_uri(table).isascii() and asset_name(table).isascii()
    assert asset_uri(table) == f"kobo://mirror/{asset_name(table)}"
    assert (asset_name(table) == table) is table.isascii()
