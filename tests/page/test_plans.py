"""What the page shows of new versions of a form: the plan that waits, and the history."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from kobo_mirror.airflow.page import rendering
from kobo_mirror.airflow.page.texts import TEXTS
from kobo_mirror.database.engine import transact
from kobo_mirror.forms.plan import Care, Plan, Step, What
from kobo_mirror.store.kept_versions import FormVersion, keep_versions
from kobo_mirror.store.plans import StoredPlan, approve, decline, note_applied, note_open
from tests.page.everything import faults_in, seen
from tests.page.test_actions import run_of
from tests.page.test_page import ATTACK, SCRIPT, Elements
from tests.support.submissions import ASSET

Client = Callable[[str | None], TestClient]
FORM = f"api/forms/{ASSET}"
FIRST_DAY = datetime(2026, 11, 1)  # noqa: DTZ001  # UTC, as the tables have it
MOVE = Step(
    care=Care.CAREFUL, what=What.MOVE, table="survey__people", columns=("head",), path="people",
    beside=("survey.head",),
)  # fmt: skip
NEW = Step(care=Care.SAFE, what=What.COLUMNS, table="survey", columns=("seen",))
HOSTILE = (
    ATTACK,
    "\N{RIGHT-TO-LEFT OVERRIDE}ytrap",
    "العمر",
    "\N{PILE OF POO}" * 3,
    "a\n\tb",
    "{table}{0}%s",
)


def versions(engine: Engine, *uids: str) -> None:
    """Versions that were deployed on the days from the first one on."""
    found = [FormVersion(uid, FIRST_DAY + timedelta(days=day), None, b"{}") for day, uid in enumerate(uids)]
    transact(engine, lambda connection: keep_versions(connection, ASSET, found))


def waiting(engine: Engine, *steps: Step, policy: str = "additive", by: tuple[str, ...] = ()) -> StoredPlan:
    return transact(engine, lambda connection: note_open(connection, ASSET, Plan(steps, by), policy))


def applied(engine: Engine, *steps: Step, by: tuple[str, ...] = ()) -> None:
    transact(engine, lambda connection: note_applied(connection, ASSET, Plan(steps, by), "additive"))


def test_where_nothing_has_changed_nothing_is_shown(as_user: Client, engine: Engine) -> None:
    client = as_user("vic")
    assert client.get(f"{FORM}/plan").json() is None
    assert client.get(f"{FORM}/history").json() == {"entries": [], "has_more": False}
    html = client.get("").text
    assert 'id="plan"' not in html
    assert TEXTS["en"]["history_none"] in html


def test_the_plan_that_waits_is_shown_with_its_steps_and_what_they_cost(
    as_user: Client, engine: Engine
) -> None:
    versions(engine, "vOne", "vTwo")
    plan = waiting(engine, MOVE, by=("vTwo", "vGone"))
    found = as_user("vic").get(f"{FORM}/plan").json()
    assert (found["code"], found["state"], found["care"]) == (plan.code, "waits", "careful")
    assert found["versions"] == [{"uid": "vTwo", "number": 2}, {"uid": "vGone", "number": None}]
    (step,) = found["steps"]
    assert (step["key"], step["table"], step["beside"]) == ("move", "survey__people", ["survey.head"])
    assert step["sentence"] == MOVE.sentence
    assert (found["submissions"], found["seconds"], found["applied_at"]) == (0, None, None)
    html = as_user("una").get("").text
    panel = html[html.index('id="plan"') :].partition("</section>")[0]
    for said in (
        TEXTS["en"]["plan_state_waits"],
        '<b class="careful">careful</b>: <code dir="auto">people</code> is a repeat now: its answers move to '
        '<code dir="auto">survey__people</code>, and these become empty: '
        '<code dir="auto">survey.head</code></li>',
        "All 0 submissions are read again;",
        'brought by the versions <code dir="auto">2</code>, <code dir="auto">vGone</code>; noticed <time',
        f'api/actions/apply-plan" data-body=\'{{"code": "{plan.code}"}}\'',
        f'api/actions/decline-plan" data-body=\'{{"code": "{plan.code}"}}\'',
    ):
        assert said in panel
    assert "api/actions" not in as_user("vic").get("").text


def test_no_name_of_a_form_is_markup_or_turns_the_text_around_it(as_user: Client, engine: Engine) -> None:
    step = Step(
        care=Care.COSTLY, what=What.KIND, table=ATTACK, columns=HOSTILE, path=HOSTILE[1], beside=HOSTILE
    )
    waiting(engine, step, by=(ATTACK,))
    applied(engine, NEW, step)
    client = as_user("ada")
    (sent,) = client.get(f"{FORM}/plan").json()["steps"]
    assert tuple(sent["columns"]) == HOSTILE
    for language in TEXTS:
        html = client.get("", params={"lang": language}).text
        assert SCRIPT not in html
        assert not [tag for tag, _ in Elements(html).found if tag == "img"]
        for name in HOSTILE[1:]:
            shown = html.count(name)
            assert shown >= 4
            assert html.count(f'<code dir="auto">{name}</code>') == shown


@pytest.mark.parametrize("action", ["apply", "decline"])
def test_a_button_starts_a_sync_with_the_code_and_the_policy_of_the_plan(
    as_user: Client, engine: Engine, action: str
) -> None:
    plan = waiting(engine, NEW, policy="review")
    answer = as_user("una").post(f"api/actions/{action}-plan", json={"code": plan.code})
    assert answer.status_code == 200, answer.text
    run = run_of(answer.json())
    assert (run.dag_id, run.triggering_user_name) == ("kobo_sync", "una")
    assert run.conf == {f"{action}_plan": plan.code, "schema": "review"}
    assert as_user("una").get(f"{FORM}/plan").json()["state"] == "waits"  # the page writes nothing itself
    waiting(engine, NEW, MOVE)
    refused = as_user("una").post(f"api/actions/{action}-plan", json={"code": plan.code})
    assert refused.status_code == 409
    assert refused.json()["detail"] == "No plan waits under this code: look at the page again."


def test_a_person_may_think_better_of_it(as_user: Client, engine: Engine) -> None:
    plan = waiting(engine, MOVE)
    offered = {"waits": {"apply", "decline"}, "approved": {"decline"}, "declined": {"apply"}}
    for decide, state in ((None, "waits"), (decline, "declined"), (approve, "approved")):
        if decide:
            decide(engine, ASSET, plan.code)
        html = as_user("una").get("").text
        panel = html[html.index('id="plan"') :].partition("</section>")[0]
        assert TEXTS["en"][f"plan_state_{state}"] in panel
        assert ('data-opens="plan-sure"' in panel) == ("apply" in offered[state])
        assert ("decline-plan" in panel) == ("decline" in offered[state])


def test_the_history_tells_which_version_brought_which_change(as_user: Client, engine: Engine) -> None:
    versions(engine, "vOne", "vTwo", "vThree")
    applied(engine, NEW, by=("vOne",))
    given_up = waiting(engine, MOVE, by=("vTwo",))
    plan = waiting(engine, MOVE, NEW, by=("vTwo", "vThree"))
    entries = as_user("vic").get(f"{FORM}/history").json()["entries"]
    assert [entry["plan"]["state"] for entry in entries[:3]] == ["waits", "replaced", "applied"]
    assert [entry["plan"]["code"] for entry in entries[:2]] == [plan.code, given_up.code]
    assert [version["number"] for version in entries[0]["plan"]["versions"]] == [2, 3]
    assert [version["number"] for version in entries[2]["plan"]["versions"]] == [1]
    assert [entry["version"]["uid"] for entry in entries[3:]] == ["vThree", "vTwo", "vOne"]
    html = as_user("vic").get("").text
    section = html[html.index('id="history"') :].partition("</section>")[0]
    assert section.index("The form’s tables were changed") < section.index("Version 3 of the form was deploy")


def test_all_of_a_long_history_can_be_reached(as_user: Client, engine: Engine) -> None:
    versions(engine, *(f"v{number}" for number in range(1, 24)))
    applied(engine, NEW)
    found: list[str] = []
    query = ""
    while True:
        html = as_user("vic").get(f"?{query}").text
        section = html[html.index('id="history"') :].partition("</section>")[0]
        found += re.findall(r"Version (\d+) of the form", section)
        assert section.count("<li>") <= 11  # entries, and the step of the plan
        assert (TEXTS["en"]["from_the_start"] in section) == bool(query)
        if not (after := re.findall(r"history_skip=(\d+)#history", section)):
            break
        query = f"history_skip={after[0]}"
    assert found == [str(number) for number in range(23, 0, -1)]
    rest = as_user("vic").get(f"{FORM}/history", params={"skip": 20, "limit": 3}).json()
    assert ([entry["version"]["number"] for entry in rest["entries"]], rest["has_more"]) == ([4, 3, 2], True)
    assert as_user("vic").get(f"{FORM}/history", params={"skip": -1}).status_code == 422


@pytest.mark.parametrize(
    ("state", "changes"),
    [
        ("waits", {"seconds": None}),
        ("due", {"care": Care.SAFE}),
        ("approved", {"submissions": 1}),
        ("declined", {"submissions": 1, "seconds": None}),
    ],
)
def test_the_panel_is_french_whatever_was_decided(state: str, changes: dict[str, Any]) -> None:
    given: dict[str, Any] = seen()
    given["plan"] = given["plan"].model_copy(update={"state": state, **changes})
    html = rendering.page_of("fr", **given)
    assert TEXTS["fr"][f"plan_state_{state}"] in html
    assert faults_in(html) == []
