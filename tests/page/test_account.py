"""Forms of the account on the page: listed by a run, added by a run, or by lines that a person copies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Page, expect
from sqlalchemy import Engine

from kobo_mirror.database.engine import transact
from kobo_mirror.store.account_listing import AccountForm, keep_listing
from tests.page.everything import faults_in
from tests.page.test_actions import run_of
from tests.page.test_forms_list import HOSTILE
from tests.page.test_looks import spoken_in
from tests.page.test_page import SCRIPT
from tests.support.browser import serious_faults
from tests.support.french import faults_of

Client = Callable[[str | None], TestClient]
Open = Callable[..., Page]


def uid_of(number: int) -> str:
    return f"aAccount{number:014d}"


def form(number: int, name: str, **changes: Any) -> AccountForm:
    entry = f"  - uid: {uid_of(number)}\n    table: t{number}"
    last = "2026-11-28T12:00:00Z"
    made = AccountForm(
        "https://kobo.test", uid_of(number), name, "deployed", number, last, "ann", False, None, entry
    )
    return made._replace(**changes)


def keep(engine: Engine, *, is_writable: bool = True, count: int = 0) -> None:
    forms = [form(number, name) for number, name in enumerate(HOSTILE)]
    forms += [
        form(50, "Copié", is_mirrored=True, form_table="t50", entry=None),
        form(51, "Nommé", is_mirrored=True, entry=None),
        form(52, "Brouillon", status="draft", submissions=None, last_submission=None, owner=None),
        form(53, "Archivé", status="archived"),
        *(form(number, f"Enquête {number}") for number in range(100, 100 + count)),
    ]
    transact(engine, lambda c: keep_listing(c, forms, file="/etc/kobo.yml", is_writable=is_writable))


def test_before_a_first_run_the_page_says_how_to_list(as_user: Client, engine: Engine) -> None:
    assert as_user("vic").get("api/account-forms").json()["listed_at"] is None
    html = as_user("ada").get("", params={"view": "account"}).text
    assert "They have not been listed yet" in html
    assert "api/actions/list-forms" in html
    assert "api/actions/list-forms" not in as_user("vic").get("", params={"view": "account"}).text


def test_what_was_listed_is_shown(as_user: Client, engine: Engine) -> None:
    keep(engine)
    shown = as_user("vic").get("api/account-forms").json()
    assert (shown["file"], shown["is_writable"], len(shown["forms"])) == ("/etc/kobo.yml", True, 10)
    for user, buttons in (("ada", 7), ("vic", 0)):
        html = as_user(user).get("", params={"view": "account"}).text
        assert html.count('data-post="api/actions/add-form"') == buttons
        assert SCRIPT not in html
    assert faults_in(as_user("ada").get("", params={"view": "account", "lang": "fr"}).text) == []


def test_lists_and_additions_are_runs(as_user: Client, engine: Engine) -> None:
    keep(engine)
    client = as_user("una")
    run = run_of(client.post("api/actions/list-forms", json={}).json())
    assert (run.dag_id, run.conf, run.triggering_user_name) == ("kobo_forms", {}, "una")
    run = run_of(client.post("api/actions/add-form", json={"uid": uid_of(1)}).json())
    assert (run.dag_id, run.conf) == ("kobo_forms", {"add": [uid_of(1)]})


@pytest.mark.parametrize("number", [50, 51, 52, 99])
def test_what_cannot_be_added_is_refused(as_user: Client, engine: Engine, number: int) -> None:
    keep(engine)
    assert as_user("una").post("api/actions/add-form", json={"uid": uid_of(number)}).status_code == 409


def test_where_the_file_cannot_be_written_the_lines_are_shown(as_user: Client, engine: Engine) -> None:
    keep(engine, is_writable=False)
    assert as_user("una").post("api/actions/add-form", json={"uid": uid_of(1)}).status_code == 409
    html = as_user("ada").get("", params={"view": "account"}).text
    assert "api/actions/add-form" not in html
    assert f"  - uid: {uid_of(1)}\n    table: t1</pre>" in html
    assert "/etc/kobo.yml" in html
    assert faults_in(as_user("ada").get("", params={"view": "account", "lang": "fr"}).text) == []


def test_a_form_is_added_in_two_clicks(engine: Engine, opened: Open) -> None:
    keep(engine, count=200)
    page = opened(path="?lang=fr", locale="en-GB")
    page.get_by_role("link", name="Ajouter un formulaire").click()
    page.get_by_label("Chercher par nom").fill("enquête 150")
    expect(page.locator("#forms tbody tr:visible")).to_have_count(1)
    assert serious_faults(page) == []
    page.get_by_role("button", name="Ajouter\xa0: Enquête 150").click()
    expect(page.get_by_role("status").last).to_contain_text("kobo_forms manual__")
    assert faults_of(spoken_in(page)) == []


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_lines_can_be_copied(engine: Engine, opened: Open, scheme: str) -> None:
    keep(engine, is_writable=False)
    page = opened(path="?view=account", color_scheme=scheme)
    page.locator("summary").first.click()
    page.get_by_role("button", name="Copy").first.click()
    assert page.evaluate("getSelection().toString()").strip().startswith("- uid: aAccount")
    assert serious_faults(page) == []
