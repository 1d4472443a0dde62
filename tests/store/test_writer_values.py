"""The writer stores every answer as it was given, and clears one that is gone."""

from __future__ import annotations

from sqlalchemy import Engine

from tests.support.submissions import edited, submission
from tests.support.tables import answers, records
from tests.support.writing import Writing

PEOPLE = {
    1: {"client_name": "Łukasz Żak", "location": "a\x00b\x00"},
    2: {"client_name": "አበበ ወርቅ", "location": "እንኳን"},
    3: {"client_name": "فاطمة الزهراء", "location": "نيروبي‎"},
    4: {"client_name": "👩🏾‍🌾🇷🇼", "location": "𝔐𝔞𝔯𝔨𝔢𝔱"},
    5: {"client_name": "e\u0301 é \u200b", "location": " trailing \t"},
    6: {"client_name": "'; DROP TABLE kobo_records; --", "location": '\\"%s %(x)s :y ? `'},
}


def test_a_cleared_answer_becomes_null_or_the_default(writing: Writing, engine: Engine) -> None:
    first = submission(1, disability="yes", sole_income_earner="no")
    writing.pull(first)
    cleared = edited(first, alt_phone=None, survey_date=None, business_operating=None, disability=None)
    writing.pull(edited(cleared, sole_income_earner=None))
    row = answers(engine)[1]
    assert [row[name] for name in ("alt_phone", "survey_date", "business_operating")] == [None, None, None]
    assert (row["disability"], row["sole_income_earner"]) == ("No", "Yes")


def test_texts_of_every_script_travel_byte_for_byte(writing: Writing, engine: Engine) -> None:
    assert writing.pull(*(submission(key, **texts) for key, texts in PEOPLE.items()))["inserted"] == len(
        PEOPLE
    )
    found = records(engine)
    assert {key: {name: found[key][name] for name in texts} for key, texts in PEOPLE.items()} == PEOPLE
    pushed = {key + 10: texts for key, texts in PEOPLE.items()}
    assert set(writing.results(submission(key, **texts) for key, texts in pushed.items())) == {"inserted"}
    found = records(engine)
    assert {key: {name: found[key][name] for name in texts} for key, texts in pushed.items()} == pushed
    assert writing.pull(*(submission(key, **texts) for key, texts in PEOPLE.items())) == {
        "rows_read": len(PEOPLE),
        "unchanged": len(PEOPLE),
    }


def test_letters_that_a_collation_holds_equal_are_a_change(writing: Writing, engine: Engine) -> None:
    first = submission(1, client_name="Zoe", cohort="a")
    writing.pull(first)
    writing.pull(edited(first, client_name="Zoë", cohort="A"))
    assert (records(engine)[1]["client_name"], records(engine)[1]["cohort"]) == ("Zoë", "A")


def test_long_answers_of_four_bytes_a_letter_fit(writing: Writing, engine: Engine) -> None:
    writing.pull(submission(1, client_name="🌾" * 255, unique_id="𝔐" * 255))
    assert records(engine)[1]["client_name"] == "🌾" * 255
