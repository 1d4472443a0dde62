from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, update

from kobo_mirror import __version__
from kobo_mirror.airflow.page import texts
from kobo_mirror.database.engine import transact
from kobo_mirror.errors import CredentialsError, ServerError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store import dead_letters, failed_runs, runs
from kobo_mirror.store.bindings import note_epoch_read
from kobo_mirror.store.codes import close_codes, code_for
from kobo_mirror.store.proofs import note_proof
from kobo_mirror.store.registrations import Remembered, remember
from kobo_mirror.store.tables import PROVEN, sync_runs
from kobo_mirror.store.totals import note_server_count
from tests.support.submissions import ANSWERS, ASSET, submission
from tests.support.writing import Writing

Client = Callable[[str | None], TestClient]
SCRIPT = "<script>alert(1)</script>"
ATTACK = f"{SCRIPT}\"'><img src=x onerror=alert(2)>{{{{7*7}}}}</textarea></pre>"


class Elements(HTMLParser):
    """The elements of a page, with what they have."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def finished_run(engine: Engine, *, error: str | None = None, hours_ago: float = 0) -> int:
    def work(connection: Any) -> int:
        run_id = runs.open_run(connection, ASSET, "kobo_sync manual__1", "exact", None)
        if error:
            runs.note_error(connection, run_id, ServerError(error))
        runs.finish_run(connection, run_id)
        note_epoch_read(connection, KOBO_RECORDS, 1)
        return run_id

    run_id = transact(engine, work)
    if hours_ago:
        moved = {
            name: Writing(engine).now() - timedelta(hours=hours_ago) for name in ("started_at", "finished_at")
        }
        mine = update(sync_runs).where(sync_runs.c.id == run_id)
        transact(engine, lambda connection: connection.execute(mine.values(moved)))
    return run_id


def overview(as_user: Client) -> Any:
    return as_user("vic").get(f"api/forms/{ASSET}").json()


def test_no_answer_is_ever_markup(as_user: Client, engine: Engine) -> None:
    writing = Writing(engine)
    attacked = dict.fromkeys(ANSWERS, ATTACK)
    writing.pull(submission(1, **attacked, _submitted_by=ATTACK))
    dead_letters.keep(engine, body=ATTACK.encode(), source=ATTACK[:90], reason=ATTACK)
    finished_run(engine, error=ATTACK)
    remember(engine, ASSET, Remembered("hook", f"https://x.test/?{SCRIPT}", "h", "0" * 16))
    html = as_user("ada").get("", params={"run": ATTACK, "lang": ATTACK}).text
    assert html.count("&lt;script&gt;alert(1)") >= 5
    assert SCRIPT not in html
    elements = Elements(html).found
    assert not [tag for tag, _ in elements if tag == "img"]
    scripts = [attributes["src"] for tag, attributes in elements if tag == "script"]
    assert all(source and source.startswith("static/") for source in scripts)
    assert not [name for _, attributes in elements for name in attributes if name.startswith("on")]
    assert not [tag for tag, attributes in elements if tag == "style" or "style" in attributes]


def test_the_overview_tells_what_the_mirror_holds_and_lacks(as_user: Client, engine: Engine) -> None:
    writing = Writing(engine)
    finished_run(engine)
    writing.pull(submission(1), submission(2), submission(3, age="x"))
    writing.push(submission(4))
    transact(engine, lambda connection: note_server_count(connection, ASSET, 4))
    dead_letters.keep(engine, body=b"{", source="webhook", reason="no JSON")
    remember(engine, ASSET, Remembered("REST Service", "https://u:p@x.test/api?token=t0ken", "h", "0" * 16))
    found = overview(as_user)
    assert (found["in_mirror"], found["rejected"], found["deleted"], found["dead_letters"]) == (3, 1, 0, 1)
    assert found["on_server"]["submissions"] == 4
    assert {lag["way"]: lag["late"] for lag in found["lag"]} == {"pushed": 1, "pulled": 3}
    assert {lag["median"] for lag in found["lag"]} == {None}
    assert [hook["endpoint"] for hook in found["webhooks"]] == ["https://x.test/api"]
    (*_, today) = as_user("vic").get(f"api/forms/{ASSET}/days").json()
    assert (today["pushed"], today["pulled"]) == (1, 3)
    (letter,) = as_user("vic").get("api/dead-letters").json()
    assert (letter["reason"], letter["bytes"], letter["body"]) == ("no JSON", 1, None)


def proof(engine: Engine, *, whole: bool = True, **found: int) -> None:
    counts = dict.fromkeys(PROVEN, 0) | {"compared": 11} | found
    note_proof(engine, ASSET, started_at=Writing(engine).now(), whole=whole, found=counts)


def light(as_user: Client) -> tuple[str, list[str]]:
    found = overview(as_user)
    return found["light"], [finding["key"] for finding in found["findings"]]


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (None, ("amber", ["never_synced"])),
        ({}, ("green", [])),
        ({"hours_ago": 3}, ("amber", ["late"])),
        ({"error": "The server is busy or down."}, ("red", ["sync_failed", "never_synced"])),
    ],
)
def test_the_light_goes_by_the_schedule_and_the_last_run(
    as_user: Client, engine: Engine, run: dict[str, Any] | None, said: tuple[str, list[str]]
) -> None:
    proof(engine)
    if run is not None:
        finished_run(engine, **run)
    assert light(as_user) == said
    assert (overview(as_user)["since"] is None) == ("never_synced" in said[1])
    text = as_user("vic").get("").text
    for key in said[1]:
        assert texts.TEXTS["en"][f"finding_{key}"] in text
    assert (texts.TEXTS["en"]["light_green_long"] in text) == (said[0] == "green")


def test_a_failed_run_after_a_good_one_is_red_and_the_good_one_keeps_its_time(
    as_user: Client, engine: Engine
) -> None:
    proof(engine)
    finished_run(engine)
    since = overview(as_user)["since"]
    transact(engine, lambda c: failed_runs.note_not_started(c, ASSET, "kobo_sync 2", CredentialsError("No.")))
    assert light(as_user) == ("red", ["sync_failed"])
    assert (overview(as_user)["since"], overview(as_user)["error"]) == (since, "No.")


def test_a_repair_hides_no_waiting_list_of_deletes(as_user: Client, engine: Engine) -> None:
    proof(engine)
    finished_run(engine)
    transact(engine, lambda connection: code_for(connection, ASSET, [1, 2, 3]))
    repair = transact(engine, lambda c: runs.open_run(c, ASSET, "repair", runs.REPAIR, None))
    transact(engine, lambda connection: runs.finish_run(connection, repair))
    assert light(as_user) == ("red", ["deletes_wait"])
    assert overview(as_user)["waiting_deletes"]["ids"] == [1, 2, 3]
    transact(engine, lambda connection: close_codes(connection, ASSET))
    assert light(as_user) == ("green", [])


def test_a_quick_proof_does_not_stand_in_for_one_of_every_answer(as_user: Client, engine: Engine) -> None:
    finished_run(engine)
    proof(engine, whole=False)
    assert light(as_user) == ("amber", ["never_proven"])
    proof(engine, different=1)
    proof(engine, whole=False)
    assert light(as_user) == ("red", ["full_proof_differs"])
    proof(engine)
    assert light(as_user) == ("green", [])


def test_without_a_schedule_nothing_is_late(
    as_user: Client, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof(engine)
    finished_run(engine, hours_ago=100)
    monkeypatch.setenv("KOBO_SYNC_SCHEDULE", "none")
    assert light(as_user) == ("green", [])


def test_a_proof_is_shown_and_the_newer_count_of_the_server(as_user: Client, engine: Engine) -> None:
    transact(engine, lambda connection: note_server_count(connection, ASSET, 9))
    proof(engine, stale=2)
    shown = overview(as_user)
    assert shown["on_server"]["submissions"] == 11
    assert (shown["proof"]["equal"], shown["proof"]["stale"], shown["proof"]["whole"]) == (False, 2, True)


def test_lists_go_on_where_they_stopped(as_user: Client, engine: Engine) -> None:
    Writing(engine).pull(*(submission(i, age="x") for i in range(1, 8)))
    client, seen, after = as_user("vic"), [], -1
    while rows := client.get(f"api/forms/{ASSET}/rejections?limit=3&after={after}").json():
        seen += [row["kobo_id"] for row in rows]
        after = seen[-1]
    assert seen == [1, 2, 3, 4, 5, 6, 7]


def test_a_run_can_be_asked_for_by_its_name(as_user: Client, engine: Engine) -> None:
    finished_run(engine)
    client = as_user("vic")
    (run,) = client.get(f"api/forms/{ASSET}/runs", params={"name": "kobo_sync manual__1"}).json()
    assert run["dag_run"] == "dags/kobo_sync/runs/manual__1"
    assert client.get(f"api/forms/{ASSET}/runs", params={"name": "another"}).json() == []
    assert 'id="named-run"' in client.get("", params={"run": "kobo_sync manual__1"}).text


def test_another_form_is_not_found(as_user: Client, engine: Engine) -> None:
    for path in ("", "/days", "/runs", "/rejections", "/tables", "/rejected-cells", "/plan", "/history"):
        assert as_user("vic").get(f"api/forms/aOther{path}").status_code == 404


def test_a_database_that_is_away_is_a_sentence(
    as_user: Client, settings: Callable[..., None], tmp_path: Any
) -> None:
    settings(f"sqlite:///{tmp_path / 'no' / 'folder.sqlite'}")
    client = as_user("vic")
    answer = client.get("api/forms")
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("The database could not take it")
    page = client.get("")
    assert page.status_code == 200
    assert "The database could not take it" in page.text


def test_a_connection_that_is_missing_is_a_sentence(as_user: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_KOBO_DATABASE", raising=False)
    answer = as_user("vic").get("api/forms")
    assert answer.status_code == 409
    assert answer.json()["detail"] == ("There is no connection kobo_database: add it in Admin → Connections.")


def test_every_endpoint_has_a_schema(as_user: Client, engine: Engine) -> None:
    described = as_user("vic").get("openapi.json").json()
    assert described["info"]["version"] == __version__
    for path, methods in described["paths"].items():
        for method in methods.values():
            (content,) = method["responses"]["200"]["content"].values()
            assert content["schema"], path
            assert method["responses"]["401"]["content"], path
            assert method["description"], path
    assert KOBO_RECORDS.table not in json.dumps(described)


def test_the_languages_say_the_same_things_in_other_words() -> None:
    english, french = texts.TEXTS["en"], texts.TEXTS["fr"]
    same = [key for key in english if english[key] == french[key]]
    assert set(same) <= {"webhook", "actions", "refused_title", "mode", "source_webhook"}


@pytest.mark.parametrize(
    ("asked", "cookie", "accepted", "spoken"),
    [
        (None, None, "fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        (None, None, "sw, en-GB", "en"),
        (None, None, "", "en"),
        (None, "fr", "en", "fr"),
        ("en", "fr", "fr", "en"),
        ("xx", None, "fr", "fr"),
    ],
)
def test_the_page_uses_the_language_of_the_browser(  # noqa: PLR0917
    as_user: Client, engine: Engine, asked: str | None, cookie: str | None, accepted: str, spoken: str
) -> None:
    client = as_user("vic")
    if cookie:
        client.cookies.set(texts.COOKIE, cookie)
    answer = client.get("", params={"lang": asked} if asked else {}, headers={"Accept-Language": accepted})
    (root,) = [attributes for tag, attributes in Elements(answer.text).found if tag == "html"]
    assert root["lang"] == spoken
    assert texts.TEXTS[spoken]["in_mirror"] in answer.text
