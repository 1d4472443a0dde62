"""Each reason in the tables has a text in each language; the stored English is a labelled detail."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pkgutil import walk_packages

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

import kobo_mirror.kobo
from kobo_mirror.airflow.page.texts import TEXTS, Words
from kobo_mirror.database.engine import transact
from kobo_mirror.errors import CredentialsError
from kobo_mirror.forms import question_types
from kobo_mirror.forms.declared_form import Kind
from kobo_mirror.forms.form_schema import TableKind
from kobo_mirror.store import dead_letters, failed_runs, runs
from kobo_mirror.store.lights import SENTENCES
from kobo_mirror.store.mode_names import EXACT, INCREMENTAL
from kobo_mirror.submissions.refusals import RefusalReason, refusal_reason
from kobo_mirror.sync.receive import Receiver, Refused
from kobo_mirror.sync.receive_by_path import PathReceivers
from tests.page.everything import errors, faults_in
from tests.page.test_page import finished_run
from tests.support.submissions import ASSET, MIRROR, submission
from tests.support.writing import Writing

Client = Callable[[str | None], TestClient]

BODIES = {
    RefusalReason.NOT_JSON: b"{",
    RefusalReason.NOT_UTF8: b"\xff{",
    RefusalReason.NO_OBJECT: b"[1]",
    RefusalReason.TOO_DEEP: b'{"_id": 1, "a": ' + b"[" * 500 + b"]" * 500 + b"}",
    RefusalReason.NO_ID: b'{"_id": "x"}',
    RefusalReason.OTHER_FORM: b'{"_id": 1, "_xform_id_string": "aSomeOtherForm0000001"}',
    RefusalReason.UNKNOWN_FORM: b'{"_id": 1}',
}


@pytest.mark.parametrize("language", sorted(TEXTS))
def test_everything_that_the_tables_can_name_has_a_text(language: str) -> None:
    keys = [f"finding_{key}" for key in SENTENCES]
    keys += ["what_KoboMirrorError", "todo_KoboMirrorError"]
    keys += [f"letter_{reason.name.lower()}" for reason in RefusalReason] + [f"takes_{kind}" for kind in Kind]
    keys += [f"mode_{mode}" for mode in (INCREMENTAL, EXACT, *runs.NO_PULL)] + ["source_webhook"]
    keys += [f"kind_{kind}" for kind in TableKind]
    keys += [f"cell_{kind}" for kind in (*question_types.Kind, "several", "unknown")]
    assert set(keys) <= TEXTS[language].keys()
    words = Words(language)
    for error in errors():
        own = {words.of_failure(kind, error.__name__) for kind in ("what", "todo")}
        assert len(own) == 2


@pytest.mark.parametrize("language", sorted(TEXTS))
def test_no_text_tells_of_an_error_that_does_not_exist(language: str) -> None:
    for module in walk_packages(kobo_mirror.kobo.__path__, "kobo_mirror.kobo."):
        import_module(module.name)  # some errors are defined beside what raises them
    told = {key.partition("_")[2] for key in TEXTS[language] if key.startswith(("what_", "todo_"))}
    assert told <= {error.__name__ for error in errors()}


@pytest.mark.parametrize("reason", RefusalReason)
def test_a_body_that_is_refused_gives_the_reason_that_the_page_knows(
    engine: Engine, reason: RefusalReason
) -> None:
    finished_run(engine)
    Writing(engine).pull(submission(1))
    receive = Receiver(engine, [MIRROR], "rejected").receive
    if reason is RefusalReason.UNKNOWN_FORM:
        receive = partial(PathReceivers(engine, "rejected").receive, "aSomeOtherForm0000001")
    refused = receive(BODIES[reason])
    assert isinstance(refused, Refused)
    assert refusal_reason(refused.reason) is reason
    assert refusal_reason(f"{refused.reason}; its body is not kept: 9 bytes are too many") is reason


def test_a_reason_of_another_release_is_not_guessed_at() -> None:
    assert refusal_reason("the body was eaten") is None
    assert Words("fr").of_letter("the body was eaten") == TEXTS["fr"]["letter_unknown"]


def test_rejections_and_dead_letters_are_told_in_french_with_the_english_as_a_detail(
    as_user: Client, engine: Engine
) -> None:
    finished_run(engine)
    Writing(engine).pull(submission(1, age="old"), submission(2, country="x" * 256, survey_date="31.12."))
    dead_letters.keep(engine, body=b"{", source="webhook", reason=RefusalReason.NOT_JSON, asset_uid=ASSET)
    html = as_user("vic").get("", params={"lang": "fr"}).text
    words = Words("fr")
    assert faults_in(html) == []
    for kind in (Kind.INTEGER, Kind.TEXT, Kind.DATE):
        assert words.of_kind(kind) in html
    assert words.of_kind(Kind.DATETIME) not in html
    assert words.texts["letter_not_json"] in html
    label = re.escape(f"{words.texts['detail']}{words.texts['colon']}")
    assert len(re.findall(rf'{label}<span lang="en">', html)) == html.count('<span lang="en">') == 3


def test_a_failed_first_sync_is_told_where_nothing_is_mirrored_yet(
    as_user: Client, simulated: tuple[object, Engine]
) -> None:
    _, engine = simulated
    error = CredentialsError("The token is refused.")
    transact(engine, lambda c: failed_runs.note_not_bound(c, "kobo_sync a", error))
    for language, texts in TEXTS.items():
        html = as_user("vic").get("", params={"lang": language}).text
        assert texts["finding_sync_failed"] in html
        assert texts["what_CredentialsError"] in html
        assert f'{texts["detail"]}{texts["colon"]}<span lang="en">The token is refused.<' in html
    assert faults_in(html) == []
