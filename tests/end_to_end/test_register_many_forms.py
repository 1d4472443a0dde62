"""Registration of many forms: each has a REST Service for its own path, with a secret of its own."""

from __future__ import annotations

from typing import Any

import pytest

from kobo_mirror.config.deliveries import form_endpoint, form_secret
from kobo_mirror.kobo.form import KoboClient, open_form
from tests.support.forms.office import HOUSE, NOTES, VISIT, Office
from tests.support.terminal import ENDPOINT

SECRET = "s3cret-of-the-office"
ON_ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
FORMS = (HOUSE, VISIT, NOTES)


def client(office: Office, uid: str) -> KoboClient:
    return open_form(office.server.url, office.server.token, uid)


def hooks(office: Office, uid: str) -> list[tuple[str, str, bool]]:
    """Address, secret and activity of a form's REST Services."""
    with client(office, uid) as asking:
        return [
            (one["endpoint"], one["settings"]["custom_headers"]["X-Webhook-Secret"], one["active"])
            for one in asking.hooks()
        ]


def wanted(uid: str, secret: str = SECRET) -> list[tuple[str, str, bool]]:
    return [(form_endpoint(ENDPOINT, uid), form_secret(secret, uid), True)]


def change(office: Office, uid: str, **fields: Any) -> None:
    with client(office, uid) as asking:
        (hook,) = asking.hooks()
        asking.patch_hook(hook["uid"], fields)


@pytest.fixture
def registering(office: Office) -> Office:
    office.set(REAL_TIME_POST_ENDPOINT_URL=ENDPOINT, WEBHOOK_SECRET=SECRET)
    office.write("forms: [" + ", ".join(f"{{uid: {uid}}}" for uid in FORMS) + "]\n")
    return office


@ON_ONE_DATABASE
def test_each_form_is_registered_mended_and_told(registering: Office) -> None:
    office = registering
    code, lines, err = office.run("register-webhook")
    assert (code, lines) == (1, [])
    assert err.count("has no tables yet, so nothing is registered: run") == 3
    assert office.run("sync")[0] == 0
    code, lines, _ = office.run("register-webhook", "--form", "visits")
    assert (code, len(lines)) == (0, 1)
    assert lines[0].startswith("visits: added a REST Service that posts new submissions to ")
    assert [hooks(office, uid) for uid in FORMS] == [[], wanted(VISIT), []]
    assert office.run("register-webhook")[0] == 0
    assert [hooks(office, uid) for uid in FORMS] == [wanted(uid) for uid in FORMS]
    change(office, NOTES, active=False, endpoint="https://elsewhere.example/hook")
    code, lines, _ = office.run("register-webhook")
    assert [line for line in lines if "nothing to do" not in line] == [
        f"notes: mended the REST Service for {form_endpoint(ENDPOINT, NOTES)}: it posted to "
        "https://elsewhere.example/hook, it was switched off"
    ]
    assert hooks(office, NOTES) == wanted(NOTES)
    findings = {one["form_table"]: one["findings"] for one in office.told("status")}
    assert not any("another secret" in said for told in findings.values() for said in told)
    office.set(WEBHOOK_SECRET="another-secret")
    findings = {one["form_table"]: one["findings"] for one in office.told("status")}
    assert all(any("another secret" in said for said in told) for told in findings.values())
    assert office.run("register-webhook")[0] == 0
    assert [hooks(office, uid) for uid in FORMS] == [wanted(uid, "another-secret") for uid in FORMS]


@pytest.mark.long
@ON_ONE_DATABASE
def test_the_form_of_the_environment_keeps_its_address_and_none_is_registered_twice(
    registering: Office,
) -> None:
    office = registering
    plain = [(ENDPOINT, SECRET, True)]
    office.set(KOBO_ASSET_ID=HOUSE)
    assert office.run("sync")[0] == office.run("register-webhook")[0] == 0
    assert [hooks(office, uid) for uid in FORMS] == [plain, wanted(VISIT), wanted(NOTES)]
    findings = {one["form_table"]: one["findings"] for one in office.told("status")}
    assert not any("another secret" in said for told in findings.values() for said in told)
    office.set(KOBO_ASSET_ID=VISIT)
    assert office.run("register-webhook")[0] == 0
    assert [hooks(office, uid) for uid in FORMS] == [wanted(HOUSE), plain, wanted(NOTES)]
    office.forget_registrations()
    office.set(KOBO_ASSET_ID=None)
    assert office.run("register-webhook")[0] == 0
    assert [hooks(office, uid) for uid in FORMS] == [wanted(uid) for uid in FORMS]
