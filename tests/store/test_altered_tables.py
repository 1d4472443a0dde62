"""What was changed by hand in a form's tables is named with what mends it, and nothing else is."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from kobo_mirror.database.engine import reading
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.store.altered_tables import Alteration, What, altered
from tests.database.test_form_tables import ALL_NAMES, FEW, wide
from tests.support.forms import judging
from tests.support.forms.applied import Applying
from tests.support.forms.histories import Deployed, histories
from tests.support.forms.names import FORM_NAMES
from tests.support.forms.surveys import V2, ask, survey
from tests.support.tables import run_sql

QUESTIONS = [*ask("text", "note", label="100 % 'so'"), *ask("select_one yn", "choice"), *V2]


def found(applying: Applying, schema: FormSchema) -> list[Alteration]:
    with reading(applying.engine) as connection:
        return altered(connection, schema)


def told(applying: Applying, schema: FormSchema) -> set[tuple[str, str | None, What]]:
    return {one[:3] for one in found(applying, schema)}


def mend(applying: Applying, schema: FormSchema) -> None:
    """Do what the sentences say: their statements first, then what a sync does."""
    statements = [one.remedy.removeprefix("let it be NULL, or ") for one in found(applying, schema)]
    for remedy in statements:
        for statement in remedy.partition("; then sync")[0].split("; "):
            if statement.startswith(("ALTER", "DROP")):
                run_sql(applying.engine, statement.replace(":", "\\:"))
    applying.apply(schema)
    assert found(applying, schema) == []


def check_as_made(engine: Engine, versions: Sequence[Deployed], name: str) -> None:
    """Nothing is told of tables that grew version by version."""
    applying = Applying(engine)
    try:
        for schema in judging.grown(versions, name, through_json=True)[1:]:
            applying.apply(schema)
            assert found(applying, schema) == []
    finally:
        applying.forget()


@given(versions=histories(versions=3), name=FORM_NAMES)
@example(versions=ALL_NAMES, name="Names")
@settings(FEW, max_examples=2)
def test_tables_as_they_were_made_are_not_altered(
    engine: Engine, versions: Sequence[Deployed], name: str
) -> None:
    check_as_made(engine, versions, name)


@pytest.mark.long
@given(versions=histories(versions=6), name=FORM_NAMES)
@example(versions=wide("text", 400), name="Texts")
@example(versions=wide("select_one", 400, "yn"), name="Choices")
@example(versions=wide("geopoint", 400), name="Points")
@settings(FEW, max_examples=100)
def test_tables_of_many_forms_are_not_altered(
    engine: Engine, versions: Sequence[Deployed], name: str
) -> None:
    check_as_made(engine, versions, name)


ON_ALL = [
    ("DROP INDEX ix_survey_updated_at{on}", ("survey", None, What.INDEX)),
    ("ALTER TABLE survey__pets RENAME TO moved_away", ("survey__pets", None, What.TABLE)),
    (
        "ALTER TABLE survey__members DROP COLUMN who;ALTER TABLE survey__members ADD COLUMN who BIGINT",
        ("survey__members", "who", What.TYPE),
    ),
    ("ALTER TABLE survey__pets DROP COLUMN born", ("survey__pets", "born", What.COLUMN)),
    ("ALTER TABLE survey RENAME COLUMN age TO AGE", ("survey", "age", What.SPELLING)),
    ("CREATE UNIQUE INDEX one_only ON survey (age)", ("survey", None, What.FOREIGN_UNIQUE)),
]
ON_SERVERS = [
    ("ALTER TABLE survey MODIFY note TEXT", ("survey", "note", What.TYPE)),
    (
        "ALTER TABLE survey MODIFY note MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
        ("survey", "note", What.TYPE),
    ),
    ("ALTER TABLE survey MODIFY age BIGINT UNSIGNED", ("survey", "age", What.TYPE)),
    ("ALTER TABLE survey MODIFY age BIGINT NOT NULL", ("survey", "age", What.REQUIRED)),
    ("ALTER TABLE survey MODIFY age BIGINT DEFAULT 5", ("survey", "age", What.DEFAULT)),
    ("ALTER TABLE survey ALTER members__rows DROP DEFAULT", ("survey", "members__rows", What.DEFAULT)),
    (
        "ALTER TABLE survey MODIFY updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)",
        ("survey", "updated_at", What.DEFAULT),
    ),
    ("ALTER TABLE survey ADD theirs INT NOT NULL", ("survey", "theirs", What.FOREIGN_COLUMN)),
    (
        "ALTER TABLE survey__pets ADD INDEX theirs (kobo_id, pos_1), DROP PRIMARY KEY, "
        "ADD PRIMARY KEY (kobo_id, pos, pos_1)",
        ("survey__pets", None, What.KEY),
    ),
    (
        "ALTER TABLE survey__members DROP FOREIGN KEY survey__members_ibfk_1",
        ("survey__members", None, What.REFERENCE),
    ),
    ("ALTER TABLE survey COMMENT 'Mine'", ("survey", None, What.COMMENT)),
    ("ALTER TABLE survey MODIFY age BIGINT COMMENT 'Mine'", ("survey", "age", What.COMMENT)),
]


@pytest.mark.parametrize(("statements", "difference"), ON_ALL)
def test_what_was_changed_by_hand_is_named(
    applying: Applying, statements: str, difference: tuple[str, str | None, What]
) -> None:
    schema = survey(QUESTIONS)
    applying.apply(schema)
    on = "" if applying.engine.dialect.name == "sqlite" else " ON survey"
    try:
        run_sql(applying.engine, *statements.format(on=on).split(";"))
        assert difference in told(applying, schema)
        if difference[2] is not What.FOREIGN_UNIQUE:
            mend(applying, schema)
    finally:
        run_sql(applying.engine, "DROP TABLE IF EXISTS moved_away")


@pytest.mark.parametrize(("statements", "difference"), ON_SERVERS)
def test_what_was_changed_by_hand_on_a_server_is_named(
    on_server: Applying, statements: str, difference: tuple[str, str | None, What]
) -> None:
    schema = survey(QUESTIONS)
    on_server.apply(schema)
    run_sql(on_server.engine, statements)
    assert difference in told(on_server, schema)
    mend(on_server, schema)


def test_what_others_add_is_theirs(on_server: Applying) -> None:
    schema = survey(QUESTIONS)
    on_server.apply(schema)
    run_sql(
        on_server.engine,
        "ALTER TABLE survey ADD theirs INT, ADD also_theirs INT NOT NULL DEFAULT 3",
        "CREATE INDEX for_a_report ON survey (age)",
        "ALTER TABLE survey DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    )
    assert found(on_server, schema) == []


def test_a_trigger_that_was_dropped_is_made_again(applying: Applying) -> None:
    schema = survey(QUESTIONS)
    applying.apply(schema)
    if applying.engine.dialect.name == "sqlite":
        run_sql(applying.engine, "DROP TRIGGER survey_updated_at")
        assert told(applying, schema) == {("survey", None, What.TRIGGER)}
        mend(applying, schema)


def test_the_sentence_names_the_column_and_the_statement(on_server: Applying) -> None:
    schema = survey(QUESTIONS)
    on_server.apply(schema)
    run_sql(on_server.engine, "ALTER TABLE survey MODIFY age TEXT, ADD theirs INT NOT NULL")
    sentences = [one.sentence for one in found(on_server, schema) if not one.is_restored_by_a_sync]
    assert sentences == [
        "survey.age: it has another type or collation; ALTER TABLE `survey` DROP COLUMN `age`; then sync, "
        "which makes it again and reads its answers",
        "survey.theirs: it is none of ours, and refuses rows without it; let it be NULL, or ALTER TABLE "
        "`survey` DROP COLUMN `theirs`",
    ]
    with on_server.engine.connect() as connection, pytest.raises(DBAPIError):
        connection.execute(text("INSERT INTO survey (kobo_id) VALUES (1)"))


def test_comparing_two_hundred_columns_takes_no_time(applying: Applying) -> None:
    kinds = ("text", "integer", "select_one yn", "date")
    rows = [row for number in range(200) for row in ask(kinds[number % 4], f"q{number}", label="A label")]
    schema = survey([*rows, *V2])
    applying.apply(schema)
    assert found(applying, schema) == []  # which imports Alembic
    began = time.thread_time()
    found(applying, schema)
    assert time.thread_time() - began < 1  # 0.1 s of processor
