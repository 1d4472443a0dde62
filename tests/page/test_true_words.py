"""What the page says of a mirror is true of it, and all of a long list can be seen."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from kobo_mirror.airflow.page import texts
from kobo_mirror.database.engine import transact
from kobo_mirror.errors import CredentialsError
from kobo_mirror.store import dead_letters, failed_runs, runs
from kobo_mirror.store.refetch_queue import enqueue
from tests.page.test_page import finished_run, light, overview, proof
from tests.support.submissions import ASSET, submission
from tests.support.writing import Writing

Client = Callable[[str | None], TestClient]


def text_of(as_user: Client, language: str = "en", **query: Any) -> str:
    return as_user("vic").get("", params={"lang": language, **query}).text


@pytest.mark.parametrize(
    ("rejected", "heading", "said"),
    [
        (0, "Equal and fresh</h2>", ""),
        (1, "Equal and fresh; 1 does not fit</h2>", "1 submission does not fit the table"),
        (3, "Equal and fresh; 3 do not fit</h2>", "3 submissions do not fit the table"),
    ],
)
def test_green_words_tell_of_the_few_that_do_not_fit(
    as_user: Client, engine: Engine, rejected: int, heading: str, said: str
) -> None:
    proof(engine)
    finished_run(engine)
    writing = Writing(engine)
    writing.pull(
        *(submission(i) for i in range(1, 400)), *(submission(500 + i, age="x") for i in range(rejected))
    )
    transact(engine, lambda connection: runs.finish_run(connection, writing.run_id))
    assert light(as_user) == ("green", [])
    html = text_of(as_user)
    assert heading in html
    assert said in html
    assert ("have no row" in html or "has no row" in html) == bool(rejected)


def test_green_words_tell_of_refetches_and_of_dead_letters(as_user: Client, engine: Engine) -> None:
    proof(engine)
    finished_run(engine)
    dead_letters.keep(engine, body=b"{", source="webhook", reason="no JSON")
    transact(engine, lambda connection: enqueue(connection, ASSET, [1, 2], "gone"))
    assert light(as_user) == ("green", [])
    html = text_of(as_user)
    assert "2 submissions may have changed: the next sync asks for them again." in html
    assert "1 dead letter waits for someone to look at it." in html


def test_a_verification_that_failed_is_told_beside_the_last_proof(as_user: Client, engine: Engine) -> None:
    finished_run(engine)
    proof(engine)
    transact(
        engine,
        lambda c: failed_runs.note_failed_verification(
            c, ASSET, "kobo_verify manual__1", CredentialsError("No.")
        ),
    )
    assert light(as_user) == ("amber", ["verify_failed"])
    found = overview(as_user)
    assert found["proof"]["equal"]
    assert (found["failed_verification"]["kind"], found["failed_verification"]["error"]) == (
        "CredentialsError",
        "No.",
    )
    assert (found["error"], found["failure"]) == (None, None)
    html = text_of(as_user)
    assert "This is the last proof there is. A later verification failed: <time" in html
    assert texts.TEXTS["en"]["what_CredentialsError"] in html
    run, *_ = as_user("vic").get(f"api/forms/{ASSET}/runs").json()
    assert (run["mode"], run["dag_run"]) == ("verify", "dags/kobo_verify/runs/manual__1")
    proof(engine)
    assert light(as_user) == ("green", [])
    assert overview(as_user)["failed_verification"] is None


def test_all_of_a_long_list_can_be_reached(as_user: Client, engine: Engine) -> None:
    Writing(engine).pull(*(submission(i, age="x") for i in range(1, 121)))
    for number in range(45):
        dead_letters.keep(engine, body=b"{", source="webhook", reason=f"no JSON {number}")

    def walked(kind: str, name: str) -> list[int]:
        found: list[int] = []
        query = ""
        while True:
            html = as_user("oli").get(f"?{query}").text
            found += map(int, re.findall(rf'name="{name}" value="(\d+)"', html))
            if not (after := re.findall(rf"{kind}_after=(\d+)#", html)):
                assert ("From the start" in html) == bool(query)
                return found
            query = f"{kind}_after={after[0]}"

    assert walked("rejections", "rejections") == list(range(1, 121))
    assert walked("letters", "dead_letters") == list(range(1, 46))
