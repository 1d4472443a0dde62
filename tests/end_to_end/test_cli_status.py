"""``status`` on the command line, before all is well: what the database is, and what to do next."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.kobo.rest_services import fingerprint
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.deferred import BEFORE_THE_FIRST_SYNC, defer
from kobo_mirror.store.lights import SENTENCES
from kobo_mirror.store.registrations import Remembered, remember
from kobo_mirror.store.tables import sync_runs
from kobo_mirror.store.writer import Writer
from tests.support.mirroring import Mirroring
from tests.support.submissions import body, submission
from tests.support.tables import rows_of
from tests.support.terminal import ENDPOINT, WEBHOOK, Terminal

SYNC = "`python -m kobo_mirror sync`"


def told(terminal: Terminal) -> dict[str, Any]:
    """What it says as JSON; all of it is in the words for a person, too."""
    code, out, _ = terminal.run("status", "--json")
    assert code == 0
    facts: dict[str, Any] = json.loads(out)
    code, shown, _ = terminal.run("status")
    assert code == 0
    words = " ".join(shown.split())
    assert all(sentence in words for sentence in (*facts["findings"], facts["next"] or ""))
    return facts


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "250")


def test_a_database_without_our_tables(terminal: Terminal, embedded_ready: Mirroring, tmp_path: Path) -> None:
    (tmp_path / "new.sqlite").touch()
    terminal.set(DATABASE_URL=f"sqlite:///{tmp_path}/new.sqlite")
    code, out, err = terminal.run("status")
    assert (code, out) == (1, "")
    assert "run `python -m kobo_mirror migrate`" in err


def test_a_database_into_which_nothing_was_read(terminal: Terminal, ready: Mirroring) -> None:
    facts = told(terminal)
    assert (facts["mirrors"], facts["light"]) == (None, "amber")
    assert facts["findings"] == ["The tables are there, but no form has been read into them yet."]
    assert facts["next"] == f"set KOBO_URL, KOBO_TOKEN and KOBO_ASSET_ID, then run {SYNC}"


def fill_without_a_sync(mirroring: Mirroring) -> None:
    """Bind the declared table and push into it, as the webhook of version 0.1 did before the first sync."""
    bind(mirroring.engine, Mirror(KOBO_RECORDS, *mirroring.mirror.identity))
    Writer(mirroring.engine, mirroring.mirror).push(body(submission(7)))


def test_a_delivery_before_the_first_sync(terminal: Terminal, ready: Mirroring) -> None:
    """It is put in the refetch queue, and no form is mirrored by it."""
    before = told(terminal)
    defer(ready.engine, ready.mirror, 7, BEFORE_THE_FIRST_SYNC)
    assert told(terminal) == before
    shown = terminal.run("status")[1]
    for name in ("form table", "mirrors", "error"):
        assert re.search(rf"^ *{name} +– *$", shown, re.MULTILINE)


def test_a_mirror_that_was_filled_without_a_sync(terminal: Terminal, ready: Mirroring) -> None:
    fill_without_a_sync(ready)
    facts = told(terminal)
    assert (facts["light"], facts["submissions"]) == ("amber", 1)
    assert facts["next"] == f"run {SYNC}: it reads the whole form"


def test_the_tables_are_told_with_their_rows(terminal: Terminal, ready: Mirroring) -> None:
    fill_without_a_sync(ready)
    facts = told(terminal)
    assert (facts["tables"], facts["rejected_cells"]) == ([["kobo_records", 1]], 0)
    assert re.search(r"^ *tables +kobo_records: 1 *$", terminal.run("status")[1], re.MULTILINE)


def test_a_secret_that_was_replaced_and_not_handed_over(terminal: Terminal, ready: Mirroring) -> None:
    terminal.run("sync")
    known = Remembered("rest_service", ENDPOINT, "h1", fingerprint(WEBHOOK["WEBHOOK_SECRET"]))
    remember(ready.engine, ready.mirror.asset_uid, known)
    assert SENTENCES["secret_old"] not in told(terminal)["findings"]
    terminal.set(WEBHOOK_SECRET="the-new-one")
    facts = told(terminal)
    assert SENTENCES["secret_old"] in facts["findings"]
    assert "run `python -m kobo_mirror register-webhook`" in facts["next"]
    terminal.set(WEBHOOK_SECRET=None)
    assert SENTENCES["secret_old"] not in told(terminal)["findings"]


def test_a_first_sync_that_failed(terminal: Terminal, ready: Mirroring) -> None:
    fill_without_a_sync(ready)
    terminal.set(KOBO_TOKEN="0" * 40)
    assert terminal.run("sync")[0] == 2
    facts = told(terminal)
    assert "KOBO_TOKEN was refused" in facts["error"]
    assert facts["next"] == f"mend what the error says, then run {SYNC}: it reads the whole form"


REFUSALS = {
    "a wrong token": {"KOBO_TOKEN": "wrong"},
    "no such form": {"KOBO_ASSET_ID": "aNoSuchForm000000000001"},
}


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("command", ["sync", "run"])
def test_a_first_attempt_that_is_refused(
    terminal: Terminal, ready: Mirroring, tmp_path: Path, command: str, refusal: str
) -> None:
    """Nothing is bound by it, one row is kept of however many, and a good sync makes it good."""
    if ready.url.startswith("sqlite"):
        terminal.set(DATABASE_URL=f"sqlite:///{tmp_path}/new.sqlite")
    terminal.set(WEBHOOK_BIND="127.0.0.1:0", KOBO_ASSET_ID="aAnotherForm00000000001")
    assert terminal.run(command)[0] == 2
    terminal.set(KOBO_ASSET_ID=ready.simulator.asset)
    terminal.set(**REFUSALS[refusal])
    code, _, err = terminal.run(command)
    assert code == 2
    facts = told(terminal)
    assert (facts["mirrors"], facts["light"]) == (None, "red")
    assert facts["error"] == err.removeprefix("error: ").strip()
    assert facts["next"] == f"mend what the error says, then run {SYNC}: it reads the whole form"
    terminal.set(KOBO_TOKEN=ready.simulator.token, KOBO_ASSET_ID=ready.simulator.asset)
    assert terminal.run("sync")[0] == 0
    facts = told(terminal)
    assert (facts["error"], facts["submissions"]) == (None, 300)
    if not ready.url.startswith("sqlite"):
        assert [row["mode"] for row in rows_of(ready.engine, sync_runs)] == ["none", "exact"]


def test_deletes_that_wait(terminal: Terminal, ready: Mirroring) -> None:
    terminal.run("sync")
    assert told(terminal)["next"] == "run `python -m kobo_mirror verify --full`"
    terminal.run("verify", "--full")
    assert told(terminal)["next"] is None
    ready.simulator.control.delete(ready.simulator.control.ids()[:30])
    terminal.run("sync")
    facts = told(terminal)
    assert facts["next"] == (
        "if the 30 submissions are to be deleted, run `python -m kobo_mirror sync --confirm-deletes "
        f"{facts['waiting_deletes']}`"
    )


def test_the_last_good_sync_is_called_that(terminal: Terminal, ready: Mirroring) -> None:
    terminal.run("sync")
    good = told(terminal)
    terminal.set(KOBO_TOKEN="0" * 40)
    terminal.run("sync")
    facts = told(terminal)
    for name, former in (("last_good_sync", "last_run"), ("last_good_exact_sync", "last_exact_run")):
        assert facts[name] == facts[former] == good[name] is not None
        shown = terminal.run("status")[1]
        assert re.search(rf"^ *{name.replace('_', ' ')} +{facts[name]} *$", shown, re.MULTILINE)
        assert former.replace("_", " ") not in shown
