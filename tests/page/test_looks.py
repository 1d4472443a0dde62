"""The page in a real browser: accessible, by keyboard, in the dark, on a phone, in French."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Page, Route, expect
from sqlalchemy import Engine, insert

from kobo_mirror.airflow.page.texts import TEXTS
from kobo_mirror.database.engine import transact
from kobo_mirror.errors import DeletesWaitError, UnreachableError
from kobo_mirror.forms.plan import Plan
from kobo_mirror.store import dead_letters, failed_runs, runs
from kobo_mirror.store.codes import code_for
from kobo_mirror.store.kept_versions import FormVersion, keep_versions
from kobo_mirror.store.plans import note_open
from kobo_mirror.store.registrations import Remembered, remember
from kobo_mirror.store.tables import dead_letters as dead_letters_table
from tests.page.test_plans import MOVE, NEW
from tests.support.browser import serious_faults
from tests.support.forms.applied import Applying
from tests.support.forms.judging import UID
from tests.support.forms.members import MEMBERS, document, put
from tests.support.forms.row_set_writing import RowSetWriting
from tests.support.forms.surveys import survey
from tests.support.french import Spoken, faults_of
from tests.support.submissions import ANSWERS, ASSET, body, submission
from tests.support.tables import run_sql
from tests.support.writing import Writing

Client = Callable[[str | None], TestClient]
Open = Callable[..., Page]
ATTACK = "</script><script>document.title='hacked'</script><img src=x onerror=\"document.title='hacked'\">"


@pytest.fixture
def full(engine: Engine) -> Engine:
    """A mirror with something of everything: rejections, dead letters, a stopped delete, a webhook."""
    writing = Writing(engine)
    writing.pull(*(submission(i) for i in range(1, 31)))
    attacked = dict.fromkeys(ANSWERS, ATTACK)
    writing.pull(submission(40, **attacked), submission(41, age="x"))
    writing.push(submission(42))
    dead_letters.keep(engine, body=ATTACK.encode(), source="webhook", reason="no JSON")
    remember(engine, ASSET, Remembered("rest_service", "https://mirror.test/api", "h", "0" * 16))
    transact(engine, lambda connection: code_for(connection, ASSET, list(range(1, 21))))
    steps = (MOVE, *[NEW] * 20)
    transact(engine, lambda connection: note_open(connection, ASSET, Plan(steps, ("vOne",)), "additive"))
    version = FormVersion("vOne", Writing(engine).now(), None, b"{}")
    transact(engine, lambda connection: keep_versions(connection, ASSET, [version]))
    error = DeletesWaitError("20 of 33 submissions have gone.")
    transact(engine, lambda connection: runs.note_error(connection, writing.run_id, error))
    return engine


@pytest.mark.parametrize(("user", "scheme"), [("vic", "dark"), ("ada", "light"), ("ada", "dark")])
def test_axe_finds_no_serious_fault(full: Engine, opened: Open, user: str, scheme: str) -> None:
    page = opened(user, color_scheme=scheme)
    assert page.locator("html").get_attribute("data-theme") == scheme
    for summary in page.locator("summary").all():
        summary.click()
    assert serious_faults(page) == []
    if user == "ada":
        for button in ("Confirm this list", "Apply"):
            page.get_by_role("button", name=button).click()
            assert page.get_by_role("dialog").is_visible()
            assert serious_faults(page) == []
            page.keyboard.press("Escape")


def test_an_empty_mirror_has_no_fault_either(engine: Engine, opened: Open) -> None:
    page = opened()
    assert page.get_by_text("No sync has ended well yet.").is_visible()
    assert serious_faults(page) == []


def test_answers_are_shown_as_they_are_and_never_run(full: Engine, opened: Open) -> None:
    page = opened()
    for summary in page.locator("summary").all():
        summary.click()
    assert page.get_by_text("onerror", exact=False).first.is_visible()
    assert page.title() == "Kobo Mirror"
    assert page.locator("main img").count() == 0


def test_it_fits_a_phone(full: Engine, opened: Open) -> None:
    page = opened(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for button in page.get_by_role("button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44


def test_the_keyboard_reaches_every_button_and_the_dialog_gives_the_focus_back(
    full: Engine, opened: Open
) -> None:
    page = opened()
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.textContent.trim()"))
    for button in page.locator("button:visible").all():
        assert button.inner_text().strip() in reached
    confirm = page.get_by_role("button", name="Confirm this list")
    confirm.focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("Escape")
    assert not page.get_by_role("dialog").is_visible()
    assert confirm.evaluate("e => e === document.activeElement")


@pytest.mark.parametrize(
    ("place", "button", "dag_id"),
    [
        ("main", "Sync now", "kobo_sync"),
        ("main", "Verify now", "kobo_verify"),
        ("main", "Repair", "kobo_verify"),
        ("#plan", "Leave the tables", "kobo_sync"),
        ("#rejections", "Replay selected", "kobo_replay"),
        ("#dead-letters", "Replay selected", "kobo_replay"),
    ],
)
def test_a_button_says_which_run_it_started_and_leads_there(
    full: Engine, opened: Open, place: str, button: str, dag_id: str
) -> None:
    page = opened()
    for box in page.locator(place).get_by_role("checkbox").all()[:1] if place != "main" else []:
        box.check()
    page.locator(place).get_by_role("button", name=button).first.click()
    status = page.get_by_role("status")
    expect(status).to_contain_text(f"it waits, since the DAG is paused: {dag_id} ")
    link = status.get_by_role("link")
    run_id = link.inner_text().removeprefix(f"{dag_id} ")
    assert link.get_attribute("href") == f"../dags/{dag_id}/runs/{quote(run_id)}"
    assert serious_faults(page) == []


def test_it_speaks_french_and_remembers_it(full: Engine, opened: Open) -> None:
    page = opened(locale="en-GB")
    page.get_by_role("link", name="Français").click()
    assert page.get_by_role("heading", name="Rejets").is_visible()
    page.goto(page.url.partition("?")[0])
    assert page.get_by_role("heading", name="Rejets").is_visible()
    assert serious_faults(page) == []


def spoken_in(page: Page) -> list[str]:
    """What is read and heard on the page as it is now, after its scripts have done their work."""
    return Spoken(page.content()).texts


def test_no_english_is_left_on_the_french_page(full: Engine, opened: Open) -> None:
    error = UnreachableError("https://kobo.test could not be reached: 1.5 of 2,000.")
    transact(full, lambda c: failed_runs.note_failed_verification(c, ASSET, "kobo_verify a", error))
    page = opened(path="?lang=fr", locale="en-GB")
    for summary in page.locator("summary").all():
        summary.click()
    assert faults_of(spoken_in(page)) == []
    page.get_by_role("button", name="Synchroniser").click()
    expect(page.get_by_role("status")).to_contain_text("car le DAG est en pause\xa0: kobo_sync ")
    assert faults_of(spoken_in(page)) == []
    assert serious_faults(page) == []


@pytest.mark.parametrize("status", [401, 403, 404, 409, 422, 500, 503])
def test_a_refused_button_says_so_in_the_language_and_what_the_server_said_as_english(
    full: Engine, opened: Open, status: int
) -> None:
    page = opened(path="?lang=fr", may_fail=True)
    english = '{"detail": "The DAG is not known: 1.5"}'
    page.route("**/api/actions/sync", lambda route: route.fulfill(status=status, body=english))
    page.get_by_role("button", name="Synchroniser").click()
    told = page.get_by_role("status")
    expect(told).to_contain_text("Pas fait\xa0: ")
    words = TEXTS["fr"].get(f"not_done_{status}", TEXTS["fr"]["not_done_other"])
    expect(told).to_contain_text(words)
    expect(told.locator("[lang=en]")).to_have_text(f"{status} The DAG is not known: 1.5")
    expect(told).to_contain_text(f"{TEXTS['fr']['detail']}{TEXTS['fr']['colon']}{status}")
    assert faults_of(spoken_in(page)) == []


def test_a_server_that_is_away_is_told_and_the_page_looks_no_fresher_than_it_is(
    full: Engine, opened: Open
) -> None:
    page = opened(path="?lang=fr", may_fail=True)
    page.route("**/kobo-mirror/**", lambda route: route.abort())
    page.get_by_role("button", name="Synchroniser").click()
    expect(page.get_by_role("status")).to_contain_text("Pas fait\xa0: Airflow ne répond pas")
    page.locator("h1").click()
    page.clock.fast_forward(15_000)
    expect(page.get_by_role("alert")).to_contain_text("Cette page ne peut pas être mise à jour")
    assert faults_of(spoken_in(page)) == []
    page.unroute("**/kobo-mirror/**")
    page.clock.fast_forward(15_000)
    expect(page.get_by_role("alert")).to_have_text("")


@pytest.mark.long
def test_with_two_thousand_dead_letters_the_next_ones_are_a_link_away(full: Engine, opened: Open) -> None:
    values = {
        "received_at": Writing(full).now(),
        "source": "webhook",
        "reason": "no JSON",
        "body": b"{" * 500,
    }
    rows = [{**values, "attempts": 0, "asset_uid": ASSET}] * 2000
    transact(full, lambda connection: connection.execute(insert(dead_letters_table), rows))
    page = opened(viewport={"width": 375, "height": 740}, has_touch=True, is_mobile=True)
    boxes = page.locator("#dead-letters tbody input")
    first = boxes.first.get_attribute("value")
    assert boxes.count() == 20
    assert page.get_by_text("20 of 2,001 are shown").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.locator("#dead-letters").get_by_role("link", name="The next ones").click()
    page.wait_for_load_state("networkidle")
    assert boxes.first.get_attribute("value") == str(int(first or 0) + 20)
    page.locator("#dead-letters").get_by_role("link", name="From the start").click()
    page.wait_for_load_state("networkidle")
    assert boxes.first.get_attribute("value") == first


def test_the_plot_shows_what_came_today(full: Engine, opened: Open) -> None:
    page = opened()
    assert page.locator("#plot canvas").count() == 1
    shown = "() => { const c = document.querySelector('#plot canvas'); const d = c.getContext('2d')"
    shown += ".getImageData(0, 0, c.width, c.height).data; const s = new Set(); for (let i = 0; i < d.length;"
    shown += " i += 4) if (d[i + 3] === 255) s.add(`${d[i]},${d[i + 1]},${d[i + 2]}`); return [...s] }"
    assert "224,138,30" in page.evaluate(shown)  # --pulled


def test_rows_are_counted_after_the_page_is_there_and_again_with_it(full: Engine, opened: Open) -> None:
    page = opened(path="?lang=fr", locale="en-GB")
    rows = page.locator('[data-rows="kobo_records"]')
    expect(rows).to_have_text("31")
    expect(page.locator("#tables")).to_contain_text("Lignes comptées\xa0: ")
    assert faults_of(spoken_in(page)) == []
    Writing(full, holder="test").writer.push(body(submission(77)))
    page.clock.fast_forward(15_000)
    expect(rows).to_have_text("32")


def test_a_derived_form_has_no_fault_either(full: Engine, opened: Open) -> None:
    applying = Applying(full)
    applying.apply(survey(MEMBERS))
    put(RowSetWriting(applying), *(document(i) for i in range(1, 1235)))
    page = opened(path=f"?asset_uid={UID}")
    expect(page.locator('[data-rows="survey"]')).to_have_text("1,234")
    for summary in page.locator("#cells summary").all()[:3]:
        summary.click()
    assert serious_faults(page) == []
    page.locator("#cells").get_by_role("link", name="The next ones").click()
    page.wait_for_load_state("networkidle")
    assert page.locator("#cells").get_by_role("link", name="From the start").is_visible()


def test_a_table_that_is_dropped_while_the_page_is_open_is_told(full: Engine, opened: Open) -> None:
    Applying(full).apply(survey(MEMBERS))
    page = opened(path=f"?lang=fr&asset_uid={UID}")
    files = page.locator('[data-rows="survey__files"]')
    expect(files).to_have_text("0")

    def drop_first(route: Route) -> None:
        run_sql(full, "DROP TABLE IF EXISTS survey__files")
        route.continue_()

    page.route("**/api/forms/*/tables*", drop_first)
    page.clock.fast_forward(15_000)
    expect(files).to_have_text("absente")
    assert faults_of(spoken_in(page)) == []
    page.clock.fast_forward(15_000)
    expect(page.get_by_text("(missing: survey__files)")).to_be_visible()
    assert faults_of(spoken_in(page)) == []


def test_the_page_refreshes_by_itself(full: Engine, opened: Open) -> None:
    page = opened()
    Writing(full, holder="test").writer.push(body(submission(77)))
    page.clock.fast_forward(15_000)
    expect(page.locator("#in-mirror")).to_have_text("32")
