from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, update

from kobo_mirror.airflow.page import texts
from kobo_mirror.forms.kobo_records import KOBO_RECORDS
from kobo_mirror.store import dead_letters, runs
from kobo_mirror.store.database import transact
from kobo_mirror.store.proofs import note_proof
from kobo_mirror.store.registrations import Remembered, remember
from kobo_mirror.store.tables import PROVEN, sync_runs
from kobo_mirror.store.tallies import note_server_count
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
            runs.note_error(connection, run_id, error)
        runs.finish_run(connection, run_id)
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
    assert {lag["way"]: lag["submissions"] for lag in found["lag"]} == {"pushed": 1, "pulled": 3}
    assert all(lag["median"] <= lag["slowest_twentieth"] for lag in found["lag"])
    assert [hook["endpoint"] for hook in found["webhooks"]] == ["https://x.test/api"]
    (*_, today) = as_user("vic").get(f"api/forms/{ASSET}/days").json()
    assert (today["pushed"], today["pulled"]) == (1, 3)
    (letter,) = as_user("vic").get("api/dead-letters").json()
    assert (letter["reason"], letter["bytes"], letter["body"]) == ("no JSON", 1, None)


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (None, "never"),
        ({}, "fresh"),
        ({"hours_ago": 3}, "late"),
        ({"error": "The server is busy or down."}, "failing"),
    ],
)
def test_freshness_goes_by_the_schedule_and_the_last_run(
    as_user: Client, engine: Engine, run: dict[str, Any] | None, said: str
) -> None:
    if run is not None:
        finished_run(engine, **run)
    found = overview(as_user)
    assert found["freshness"] == said
    assert (found["since"] is None) == (run is None)


def test_without_a_schedule_nothing_is_late(
    as_user: Client, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished_run(engine, hours_ago=100)
    monkeypatch.setenv("KOBO_SYNC_SCHEDULE", "none")
    assert overview(as_user)["freshness"] == "fresh"


def test_a_proof_is_shown_and_the_newer_count_of_the_server(as_user: Client, engine: Engine) -> None:
    transact(engine, lambda connection: note_server_count(connection, ASSET, 9))
    found = dict.fromkeys(PROVEN, 0) | {"compared": 11, "stale": 2}
    note_proof(engine, ASSET, started_at=Writing(engine).now(), whole=True, found=found)
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
    for path in ("", "/days", "/runs", "/rejections"):
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
    for path, methods in described["paths"].items():
        for method in methods.values():
            (content,) = method["responses"]["200"]["content"].values()
            assert content["schema"], path
            assert method["responses"]["401"]["content"], path
            assert method["description"], path
    assert KOBO_RECORDS.table not in json.dumps(described)


def test_the_languages_say_the_same_things() -> None:
    english, french = texts.TEXTS["en"], texts.TEXTS["fr"]
    assert list(english) == list(french)
    for key, text in english.items():
        places = [part.split("}")[0] for part in text.split("{")[1:]]
        assert [part.split("}")[0] for part in french[key].split("{")[1:]] == places, key
    same = [key for key in english if english[key] == french[key]]
    assert set(same) <= {"webhook", "actions", "refused_title", "mode"}


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
def test_the_page_speaks_the_language_of_whoever_looks(  # noqa: PLR0917
    as_user: Client, engine: Engine, asked: str | None, cookie: str | None, accepted: str, spoken: str
) -> None:
    client = as_user("vic")
    if cookie:
        client.cookies.set(texts.COOKIE, cookie)
    answer = client.get("", params={"lang": asked} if asked else {}, headers={"Accept-Language": accepted})
    (root,) = [attributes for tag, attributes in Elements(answer.text).found if tag == "html"]
    assert root["lang"] == spoken
    assert texts.TEXTS[spoken]["in_mirror"] in answer.text
