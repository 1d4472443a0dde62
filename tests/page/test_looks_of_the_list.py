"""The list of all forms in a real browser: sorted and searched by keyboard, accessible, on a phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine, update

from kobo_mirror.database.engine import transact
from kobo_mirror.errors import CredentialsError
from kobo_mirror.store import failed_runs
from kobo_mirror.store.tables import forms, server_counts, tallies
from tests.page.test_forms_list import HOSTILE
from tests.page.test_looks import spoken_in
from tests.support.browser import serious_faults
from tests.support.french import faults_of
from tests.support.many_forms import add_forms, key_of

Open = Callable[..., Page]


@pytest.fixture
def many(engine: Engine) -> Engine:
    """Two hundred forms, some with hostile names, and one that failed."""
    add_forms(engine, 200, made=0)

    def work(connection: object) -> None:
        for number, name in enumerate(HOSTILE, 1):
            named = update(forms).where(forms.c.asset_uid == key_of(number))
            connection.execute(named.values(name=name))  # type: ignore[attr-defined]
        more = update(tallies).where(tallies.c.asset_uid == key_of(50))
        connection.execute(more.values(applied=12_345))  # type: ignore[attr-defined]
        counted = update(server_counts).where(server_counts.c.asset_uid == key_of(60))
        connection.execute(counted.values(submissions=54_321))  # type: ignore[attr-defined]
        error = CredentialsError("No.")
        failed_runs.note_not_started(connection, key_of(70), "sync", error)  # type: ignore[arg-type]

    transact(engine, work)
    return engine


def first_row(page: Page) -> str:
    return page.locator("#forms tbody tr:visible").first.inner_text()


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("fr", "dark")])
def test_axe_finds_no_serious_fault_in_the_list(
    many: Engine, opened: Open, language: str, scheme: str
) -> None:
    page = opened(path=f"?lang={language}", color_scheme=scheme, locale="en-GB")
    assert page.locator("#forms tbody tr").count() == 201
    assert serious_faults(page) == []
    assert page.title() == "Kobo Mirror"
    if language == "fr":
        assert faults_of(spoken_in(page)) == []


def test_the_keyboard_sorts_and_the_order_stays_after_a_refresh(many: Engine, opened: Open) -> None:
    page = opened()
    assert key_of(70) in first_row(page)  # what failed is on top
    head = page.locator("th[data-column=here]")
    head.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "descending")
    assert "12,345" in first_row(page)
    page.keyboard.press("Space")
    expect(head).to_have_attribute("aria-sort", "ascending")
    assert "12,345" not in first_row(page)
    page.locator("th[data-column=there]").get_by_role("button").press("Enter")
    assert "54,321" in first_row(page)
    counted = update(server_counts).where(server_counts.c.asset_uid == key_of(61))
    transact(many, lambda connection: connection.execute(counted.values(submissions=65_432)))
    page.clock.fast_forward(15_000)
    expect(page.locator("#forms tbody tr").first).to_contain_text("65,432")
    assert page.evaluate("document.activeElement.dataset.sort") == "there"
    assert page.locator("th[aria-sort=descending]").count() == 1


def test_the_search_finds_names_tables_and_uids_and_says_how_many(many: Engine, opened: Open) -> None:
    page = opened()
    box = page.get_by_label("Search by name")
    for wanted, number in (
        (key_of(123).upper(), 1),
        ("form_05", 10),
        ("الأسر", 1),
        ("<SCRIPT>", 1),
        ("zzz", 0),
    ):
        box.fill(wanted)
        expect(page.locator("#forms tbody tr:visible")).to_have_count(number)
        expect(page.locator("#found")).to_have_text(f"{number} of 201 are shown.")
    box.fill("")
    expect(page.locator("#found")).to_have_text("")
    expect(page.locator("#forms tbody tr:visible")).to_have_count(201)


def test_a_row_leads_to_its_form_and_back(many: Engine, opened: Open) -> None:
    page = opened(path="?lang=fr", locale="en-GB")
    page.get_by_role("link", name="Enquête 150").click()
    expect(page.locator("#live")).to_contain_text(key_of(150))
    expect(page.locator("h2.form-name")).to_have_text("Enquête 150")
    page.get_by_role("link", name="English").click()
    expect(page.locator("#live")).to_contain_text(key_of(150))
    page.get_by_role("link", name="All forms").click()
    expect(page.locator("#forms tbody tr")).to_have_count(201)


def test_the_list_fits_a_phone(many: Engine, opened: Open) -> None:
    page = opened(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
