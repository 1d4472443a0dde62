"""The French page is French: every word that is the page's own, every number, every space before a colon."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from kobo_mirror.airflow.page import rendering
from kobo_mirror.airflow.page.texts import TEXTS, Words
from kobo_mirror.database.engine import transact
from kobo_mirror.errors import KoboMirrorError
from kobo_mirror.store import dead_letters, failed_runs
from kobo_mirror.store.codes import code_for
from kobo_mirror.store.lights import Light
from kobo_mirror.store.registrations import Remembered, remember
from tests.page.everything import ENGLISH, MANY, empty, errors, failure, faults_in, seen
from tests.page.test_page import finished_run, proof
from tests.support.french import Spoken, faults_of
from tests.support.submissions import ASSET, submission
from tests.support.writing import Writing

Client = Callable[[str | None], TestClient]
TEMPLATES = Path(rendering.__file__).parent / "templates"


@pytest.mark.parametrize("number", [0, 1, MANY])
def test_no_possible_content_of_the_page_is_english(number: int) -> None:
    assert faults_in(rendering.page_of("fr", **seen(number))) == []


def test_a_green_page_and_an_empty_one_are_french_too() -> None:
    form = seen()["form"].model_copy(update={"light": Light.GREEN, "findings": [], "failure": None})
    assert faults_in(rendering.page_of("fr", **seen(form=form))) == []
    assert faults_in(rendering.page_of("fr", **empty())) == []


@pytest.mark.parametrize("kind", sorted({kind.__name__ for kind in errors()} | {"NoSuchError"}))
def test_each_error_has_words_and_its_sentence_is_marked_as_english(kind: str) -> None:
    for page in (
        empty(problem=failure(kind)),
        empty(failed_start=failure(kind)),
        seen(
            form=seen()["form"].model_copy(
                update={"failure": failure(kind), "failed_verification": failure(kind)}
            )
        ),
    ):
        html = rendering.page_of("fr", **page)
        assert faults_in(html) == []
        assert f'lang="en">{ENGLISH}<' in html
        said = "\n".join(Spoken(html).texts)
        words = Words("fr")
        assert words.of_failure("what", kind) in said
        assert words.of_failure("todo", kind) in said


@pytest.mark.parametrize("status", [401, 403, 404, 405, 500])
def test_a_refusal_is_french_too(status: int) -> None:
    texts = Spoken(rendering.refusal("fr", status)).texts
    assert faults_of(texts) == []
    assert len(texts) == 3


@pytest.mark.parametrize("language", sorted(TEXTS))
def test_numbers_are_written_as_people_write_them(language: str) -> None:
    words = Words(language)
    figures = [words.number(5), words.number(1_234_567), words.decimal(1234.56), words.duration(0.4)]
    figures += [words.duration(3600), words.duration(86_400), words.duration(3 * 86_400)]
    assert (
        figures
        == {
            "en": ["5", "1,234,567", "1,234.6", "0.4\xa0s", "60\xa0min", "24\xa0h", "3\xa0days"],
            "fr": [
                "5",
                "1\u202f234\u202f567",
                "1\u202f234,6",
                "0,4\u202fs",
                "60\u202fmin",
                "24\u202fh",
                "3\xa0jours",
            ],
        }[language]
    )


def test_every_language_has_the_same_texts_with_the_same_places() -> None:
    english = TEXTS["en"]
    for language, texts in TEXTS.items():
        assert texts.keys() == english.keys(), language
        for key, said in english.items():
            places = sorted(re.findall(r"\{(\w+)\}", said))
            assert sorted(re.findall(r"\{(\w+)\}", texts[key])) == places, (language, key)


def test_french_texts_have_the_spaces_that_french_has() -> None:
    filled = [re.sub(r"\{\w+\}", "5", said) for said in TEXTS["fr"].values()]
    assert faults_of(filled) == []


@pytest.mark.parametrize(
    "wrong", ["Last proof", "1.5 s", "12,345", "webhook: oui", "Vraiment ?", "Ah!", "5 %"]
)
def test_text_that_is_not_french_is_found(wrong: str) -> None:
    assert faults_of([f"avant {wrong} après"])


def test_every_text_is_shown_somewhere() -> None:
    source = "".join(path.read_text() for path in TEMPLATES.glob("*.html"))
    source += "".join((TEMPLATES.parent / "static" / name).read_text() for name in ("page.js", "forms.js"))
    by_name = (
        "cell_|kind_|status_|finding_|what_|todo_|takes_|letter_|light_|mode_|way_|source_|refused_|not_done_"
        "|step_|care_|event_|plan_state_|brought_by|and_more$"
    )
    unused = [
        key
        for key in TEXTS["en"]
        if not re.match(by_name, key) and not re.search(rf"\b{key.removesuffix('_one')}\b", source)
    ]
    assert set(unused) <= {"seconds", "minutes", "hours", "days"}


def test_a_page_of_a_real_mirror_is_french(as_user: Client, engine: Engine) -> None:
    writing = Writing(engine)
    finished_run(engine)
    writing.pull(*(submission(i) for i in range(1, 1300)), submission(2000, age="x"))
    writing.push(submission(2001))
    dead_letters.keep(engine, body=b"{" * 4321, source="webhook", reason="no JSON")
    remember(engine, ASSET, Remembered("rest_service", "https://mirror.test/api", "h", "0" * 16))
    proof(engine, compared=1300, stale=1)
    transact(engine, lambda connection: code_for(connection, ASSET, list(range(1, 1234))))
    error = KoboMirrorError(ENGLISH)
    transact(engine, lambda c: failed_runs.note_failed_verification(c, ASSET, "kobo_verify a", error))
    transact(engine, lambda c: failed_runs.note_not_started(c, ASSET, "kobo_sync b", error))
    html = as_user("vic").get("", params={"lang": "fr"}).text
    assert faults_in(html) == []
    assert "1\u202f300" in html
    assert html.count(f'lang="en">{ENGLISH}') == 4


def test_tables_that_are_missing_are_told_of_in_french(as_user: Client, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE kobo_records"))
    for language in TEXTS:
        html = as_user("ada").get("", params={"lang": language}).text
        words = Words(language)
        assert words.of_failure("what", "MissingTablesError") in html
        assert words.of_failure("todo", "MissingTablesError") in html
        assert "(missing: kobo_records)" in html
        assert words.texts["sync_now"] in words.of_failure("todo", "MissingTablesError")
    assert faults_in(html) == []
