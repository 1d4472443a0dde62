"""A data manager's first ten minutes in a real browser, against `make up`; README's pictures are from it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, FrameLocator, Page, expect

from simulator.control_client import SimulatorControl
from simulator.options import DEMO_ASSET, DEMO_TOKEN
from tests.support.browser import chromium

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / ".screenshots"
ROWS = 300
PASSWORD = "only-for-this-test"
PROGRAM = """
import sys, pathlib, up
up.FOLDER = up.ROOT = pathlib.Path(sys.argv[1])
up.ROWS = int(sys.argv[2])
sys.exit(up.main())
"""


class Stack:
    """`make up` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._output = folder / "output"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        own = {"AIRFLOW_ADMIN_PASSWORD": PASSWORD, "KOBO_SYNC_SCHEDULE": "none", "COLUMNS": "200"}
        with self._output.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(folder), str(ROWS)],
                cwd=ROOT,
                env={**kept, **own, "PYTHONPATH": str(ROOT / "scripts")},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.wait_for(lambda: "Ctrl-C stops" in self._output.read_text(), 240)
        told = self._output.read_text()
        self.airflow, self.simulator = (
            re.findall(rf"{name}.*?(http://[\d.:]+)", told)[0] for name in ("Airflow", "form")
        )
        login = {"username": "admin", "password": PASSWORD}
        token = requests.post(f"{self.airflow}/auth/token", json=login, timeout=30).json()["access_token"]
        self._headers = {"Authorization": f"Bearer {token}"}

    def wait_for(self, happened: Callable[[], Any], seconds: float) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := happened()):
            assert self._process.poll() is None, self._output.read_text()
            assert time.monotonic() < deadline, self._output.read_text()
            time.sleep(0.5)
        return found

    def get(self, path: str) -> Any:
        answer = requests.get(f"{self.airflow}/{path}", headers=self._headers, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def ended_runs(self, dag_id: str = "kobo_sync") -> list[str]:
        """The states of a DAG's ended runs, the oldest first."""
        runs = self.get(f"api/v2/dags/{dag_id}/dagRuns?order_by=run_after")["dag_runs"]
        return [run["state"] for run in runs if run["state"] in {"success", "failed"}]

    @contextmanager
    def another_run(self, state: str, dag_id: str = "kobo_sync") -> Iterator[None]:
        """One more run, started inside, that ends in this state."""
        before = len(self.ended_runs(dag_id))
        yield
        self.wait_for(lambda: len(self.ended_runs(dag_id)) > before, 180)
        assert self.ended_runs(dag_id)[-1] == state

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    running = Stack(tmp_path)
    yield running
    running.stop()


@pytest.fixture
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def picture(page: Page, name: str) -> None:
    """Keep what is seen; README's pictures are copies of three of these."""
    PICTURES.mkdir(exist_ok=True)
    page.wait_for_timeout(400)  # the UI fades its windows in
    page.screenshot(path=PICTURES / f"{name}.png")


def log_in(page: Page, stack: Stack) -> None:
    page.goto(stack.airflow)
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{stack.airflow}/")


def fill_in_the_token(page: Page, stack: Stack, token: str, name: str) -> None:
    page.goto(f"{stack.airflow}/connections")
    page.get_by_role("row").filter(has_text="kobo_default").get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[name=password]").fill(token)
    picture(page, f"connection-{name}")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()


def press_test(page: Page, says: str, name: str) -> None:
    page.get_by_role("row").filter(has_text="kobo_default").get_by_role("button", name="Test").click()
    expect(page.get_by_text(says).first).to_be_visible()
    picture(page, f"connection-test-{name}")


def trigger_by_its_form(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.airflow}/dags/kobo_sync")
    page.get_by_role("button", name="Trigger Dag").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("What to do")).to_be_visible()
    picture(page, "trigger")
    dialog.get_by_role("button", name="Trigger", exact=True).click()
    expect(dialog).to_be_hidden()


def our_page(page: Page, stack: Stack) -> FrameLocator:
    page.goto(stack.airflow)
    page.get_by_role("button", name="Browse").click()
    page.get_by_role("menuitem", name="Kobo Mirror").click()
    page.wait_for_url("**/plugin/kobo-mirror")
    ours = page.frame_locator("iframe")
    ours.locator(f"a[href='?asset_uid={DEMO_ASSET}']").click()  # in the list of forms
    return ours


@pytest.mark.long
def test_from_the_login_to_a_mended_rejection_and_a_confirmed_delete(stack: Stack, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme="light")
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    simulator = SimulatorControl(stack.simulator)
    log_in(page, stack)
    fill_in_the_token(page, stack, "0" * 40, "wrong")
    press_test(page, "was refused", "wrong")
    fill_in_the_token(page, stack, DEMO_TOKEN, "right")
    press_test(page, "Signed in as", "right")
    stack.wait_for(stack.ended_runs, 120)  # `make up` starts a first one by itself
    with stack.another_run("success"):
        trigger_by_its_form(page, stack)
    ours = our_page(page, stack)
    expect(ours.get_by_role("heading", name="Look at this")).to_be_visible()  # no proof has been made
    with stack.another_run("success", "kobo_verify"):
        ours.get_by_role("button", name="Verify now").click()
        expect(ours.get_by_role("status")).to_contain_text("Requested: kobo_verify")
    page.reload()
    expect(ours.get_by_role("heading", name="Equal and fresh")).to_be_visible()
    expect(ours.locator("#in-mirror")).to_have_text(str(ROWS))
    rejection_is_seen_mended_and_replayed(page, ours, stack, simulator)
    mass_delete_is_stopped_and_confirmed(page, ours, stack, simulator)
    assert stack.get("api/v2/plugins/importErrors")["import_errors"] == []
    ours.locator("#runs a").first.click()
    page.wait_for_url("**/dags/kobo_sync/runs/**")
    picture(page, "run")


def rejection_is_seen_mended_and_replayed(
    page: Page, ours: FrameLocator, stack: Stack, simulator: SimulatorControl
) -> None:
    simulator.create(5)
    (rejected,) = simulator.create(1, cd_age="about forty")
    simulator.wait_deliveries()
    page.reload()
    expect(ours.locator("#in-mirror")).to_have_text(str(ROWS + 5))
    picture(page, "page")
    row = ours.locator("#rejections tbody tr").filter(has_text=str(rejected))
    expect(row).to_contain_text("is not a whole number")
    row.scroll_into_view_if_needed()
    simulator.edit(rejected, cd_age=40)
    row.get_by_role("checkbox").check()
    picture(page, "rejection")
    with stack.another_run("success", "kobo_replay"):
        ours.locator("#rejections").get_by_role("button", name="Replay selected").click()
        expect(ours.get_by_role("status")).to_contain_text("Requested: kobo_replay")
    ours.get_by_role("status").get_by_role("link").click()
    page.wait_for_url("**/dags/kobo_replay/runs/**")
    expect(page.get_by_text(f"1 replayed: 1 mended ({rejected})").first).to_be_visible()
    picture(page, "replayed")
    page.go_back()
    expect(ours.locator("#rejections")).to_contain_text("Every submission fits.")
    expect(ours.locator("#in-mirror")).to_have_text(str(ROWS + 6))


def mass_delete_is_stopped_and_confirmed(
    page: Page, ours: FrameLocator, stack: Stack, simulator: SimulatorControl
) -> None:
    simulator.delete(simulator.ids()[:40])
    with stack.another_run("failed"):
        ours.get_by_role("button", name="Sync now").click()
        expect(ours.get_by_role("status")).to_contain_text("kobo_sync")
    page.reload()
    expect(ours.get_by_role("heading", name="Deletes wait for your confirmation")).to_be_visible()
    expect(ours.locator("#in-mirror")).to_have_text(str(ROWS + 6))
    ours.get_by_role("button", name="Confirm this list").click()
    expect(ours.get_by_role("dialog")).to_contain_text("Delete these submissions")
    picture(page, "deletes")
    with stack.another_run("success"):
        ours.get_by_role("button", name="Yes, delete them").click()
        expect(ours.get_by_role("status")).to_contain_text("kobo_sync")
    page.reload()
    expect(ours.locator("#in-mirror")).to_have_text(str(ROWS + 6 - 40))
