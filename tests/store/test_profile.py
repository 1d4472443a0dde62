"""Types that are proposed from what the columns of a mirrored form hold."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import pytest
from sqlalchemy import event, insert

from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.overrides import retype
from kobo_mirror.forms.question_types import Kind
from kobo_mirror.forms.wanted import WantedForm
from kobo_mirror.store import profile
from kobo_mirror.store.form_tables import physical_tables
from kobo_mirror.store.profile import Proposal, propose_types
from simulator.process import SimulatorProcess
from tests.support.forms.any_mirror import any_mirror
from tests.support.forms.applied import Applying
from tests.support.forms.surveys import ask, repeat, survey

MANY = 30


def fill(applying: Applying, schema: FormSchema, name: str, column: str, answers: Sequence[object]) -> None:
    """Make the form's tables, and give submissions, or rows of one of them, these answers."""
    applying.apply(schema)
    table = physical_tables(schema).tables[name]
    rows = [{"kobo_id": number, column: answer} for number, answer in enumerate(answers, 1)]
    with applying.engine.begin() as connection:
        connection.execute(insert(table), rows)


WHOLE = [str(number) for number in range(MANY)]
DAYS = [f"2026-01-{number:02}" for number in range(1, MANY + 1)]


CASES: tuple[tuple[Sequence[str | None], Kind | None], ...] = (
    (WHOLE, Kind.INTEGER),
    ([*WHOLE, "24.0", "-3", None], Kind.INTEGER),
    ([*WHOLE, "1.5"], Kind.DECIMAL),
    ([*WHOLE, "1.5E7"], Kind.DECIMAL),
    (DAYS, Kind.DATE),
    ([f"{day}T10:00:00.000+02:00" for day in DAYS], Kind.DATETIME),
    ([*WHOLE, "NaN"], None),
    ([*DAYS, "2026-02-30"], None),
    ([*WHOLE, " 7"], None),
    ([*WHOLE, "007"], None),
    ([*WHOLE, "+7"], None),
    ([str(250_788_000_000 + number) for number in range(MANY)], None),
    ([*WHOLE, "1" + "0" * 20], Kind.DECIMAL),
    ([*WHOLE, "9" * 20], None),
    ([*WHOLE, "1" + "0" * 200], None),
    (WHOLE[:19], None),
    ([*WHOLE[:19], ""], None),
    ([""] * MANY, None),
    ([], None),
)


def test_a_type_is_proposed_where_every_answer_fits_it(applying: Applying) -> None:
    names = [f"q{number}" for number in range(len(CASES))]
    schema = survey(ask("calculate", *names))
    applying.apply(schema)
    rows = [
        dict(zip(("kobo_id", *names), (number, *answers), strict=True))
        for number, answers in enumerate(zip_longest(*(answers for answers, _ in CASES)), 1)
    ]
    with applying.engine.begin() as connection:
        connection.execute(insert(physical_tables(schema).tables["survey"]), rows)
    assert propose_types(applying.engine, schema) == [
        Proposal(name, Kind.TEXT, proposed, sum(answer is not None for answer in answers), 0)
        for name, (answers, proposed) in zip(names, CASES, strict=True)
        if proposed
    ]


def test_empty_answers_are_told_as_what_would_not_fit(applying: Applying) -> None:
    schema = survey(ask("text", "q"))
    fill(applying, schema, "survey", "q", [*WHOLE, "", ""])
    assert propose_types(applying.engine, schema) == [
        Proposal("q", Kind.TEXT, Kind.INTEGER, MANY + 2, 2),
    ]


def test_whole_numbers_that_are_long_and_all_alike_are_proposed_as_texts(applying: Applying) -> None:
    schema = survey(ask("integer", "phone", "age"))
    fill(applying, schema, "survey", "phone", [788_000_000 + number for number in range(MANY)])
    assert propose_types(applying.engine, schema) == [Proposal("phone", Kind.INTEGER, Kind.TEXT, MANY, 0)]


def test_only_what_no_form_types_is_looked_at(applying: Applying) -> None:
    schema = survey([*ask("select_multiple", "many"), *ask("note", "n"), *ask("barcode", "code")])
    fill(applying, schema, "survey", "many", WHOLE)
    assert propose_types(applying.engine, schema) == []


def test_a_question_that_has_its_type_is_not_proposed_again(applying: Applying) -> None:
    schema = retype(survey(ask("calculate", "q")), WantedForm(types={"q": Kind.INTEGER}))
    fill(applying, schema, "survey", "q", WHOLE)
    assert propose_types(applying.engine, schema) == []


def test_answers_are_read_in_windows_and_no_longer_than_they_may_fit(
    applying: Applying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profile, "_CELLS_AT_ONCE", 8)
    wide = ask("text", *(f"q{number}" for number in range(200)))
    schema = survey([*wide, *ask("calculate", "last"), *repeat("pets", ask("calculate", "age"))])
    fill(applying, schema, "survey", "q0", [f"name {number}" for number in range(MANY)])
    tables = physical_tables(schema).tables
    part = next(name for name, table in tables.items() if "last" in table.columns)
    assert part == "survey__2"
    with applying.engine.begin() as connection:
        connection.execute(
            insert(tables[part]), [{"kobo_id": i + 1, "last": text} for i, text in enumerate(WHOLE)]
        )
        pets = [{"kobo_id": i // 3 + 1, "pos": i % 3 + 1, "age": text} for i, text in enumerate(WHOLE)]
        connection.execute(insert(tables["survey__pets"]), pets)
    said: list[str] = []
    event.listen(
        applying.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: said.append(statement),
    )
    assert propose_types(applying.engine, schema) == [
        Proposal("last", Kind.TEXT, Kind.INTEGER, MANY, 0),
        Proposal("pets/age", Kind.TEXT, Kind.INTEGER, MANY, 0),
    ]
    assert sum("q0" in statement for statement in said) == 1
    assert sum("age" in statement for statement in said) > 3


def test_the_survey_of_the_simulator_has_its_proposals(tmp_path: Path) -> None:
    with (
        SimulatorProcess(rows=60) as simulator,
        any_mirror(simulator, simulator.asset, f"sqlite:///{tmp_path / 'mirror.sqlite'}") as mirror,
    ):
        mirror.sync()
        schema = mirror.mirror.schema
        assert schema is not None
        found = propose_types(mirror.engine, schema)
        assert not {proposal.path for proposal in found} & {*schema.declared}
        for proposal in found:
            typed = retype(schema, WantedForm(types={proposal.path: proposal.proposed}))
            assert typed is not schema
