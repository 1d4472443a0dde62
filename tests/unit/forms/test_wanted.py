"""What ``kobo.yml`` asks for the mirrored form: checked names, types and the form that is meant."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kobo_mirror.config.forms_file import FormEntry
from kobo_mirror.errors import ConfigurationError
from kobo_mirror.forms.derive import nothing_yet
from kobo_mirror.forms.naming import LONGEST_FORM, is_form_name, is_free
from kobo_mirror.forms.question_types import Kind
from kobo_mirror.forms.taken_names import Holder, TakenNames
from kobo_mirror.forms.wanted import KINDS, WantedForm, require_free_table, wanted_form
from tests.support.forms.names import FORM_NAMES

UID = "aBcDeFgHiJkLmNoPqRsTuV"
HERE, THERE = "http://127.0.0.1:8800", "http://localhost:8800"
LINES = MappingProxyType({(): 2, ("uid",): 3, ("table",): 4, ("types", "hh/age"): 6})


def entry(table: str = "", uid: str = "", **types: str) -> FormEntry:
    paths = {path.replace("__", "/"): kind for path, kind in types.items()}
    return FormEntry(uid=uid, table=table, types=paths, lines=LINES)


def names_taken(*names: str, **holders: Holder) -> TakenNames:
    return TakenNames({**dict.fromkeys(names, Holder()), **holders}, UID, HERE, "KOBO_URL")


def refusal(asked: FormEntry) -> str:
    with pytest.raises(ConfigurationError) as caught:
        wanted_form(asked)
    return str(caught.value)


def test_without_a_file_nothing_is_asked_for() -> None:
    assert wanted_form(FormEntry()) == WantedForm(None, {}, "additive")


def test_what_the_file_says_is_taken() -> None:
    wanted = wanted_form(entry("households", UID, hh__age="integer"))
    assert wanted == WantedForm("households", {"hh/age": Kind.INTEGER}, "additive")
    assert all(type(kind) is Kind for kind in wanted.types.values())


def test_names_of_other_forms_are_told() -> None:
    others = [entry("visits", "aAnotherFormAltogether"), entry(uid="aYetAnotherForm0000001")]
    wanted = wanted_form(entry("households", UID), others, may_be_declared=False)
    assert (wanted.others, wanted.may_be_declared) == ({"visits"}, False)


@pytest.mark.parametrize("kind", KINDS)
def test_a_type_that_a_person_can_choose_is_taken(kind: Kind) -> None:
    assert wanted_form(entry(hh__age=kind.value)).types == {"hh/age": kind}


@pytest.mark.parametrize(
    ("kind", "nearest"),
    [
        ("integr", "did you mean integer?"),
        ("INTEGER", "did you mean integer?"),
        ("json", "this is none of them."),
        ("key", "this is none of them."),
        ("hunter2", "this is none of them."),
    ],
)
def test_another_type_is_refused(kind: str, nearest: str) -> None:
    assert refusal(entry(hh__age=kind)) == (
        "kobo.yml, line 6: a type must be one of integer, decimal, text, date, time, datetime, boolean; "
        + nearest
    )


@pytest.mark.parametrize(
    "name",
    ["households", "ménages", "የቤት_ሰዎች", "kobo", "kobo_records", "a" * LONGEST_FORM, "select", "x1"],
)
def test_a_name_that_can_be_had_is_taken_as_it_is(name: str) -> None:
    assert wanted_form(entry(name)).table == name


@pytest.mark.parametrize(
    "name",
    [
        "_1st", "Households", "house holds", "house-holds", "house__holds", "_house", "house_", "kobo_house",
        "kobo_",
        "kobo_Records", "kobo_forms", "sqlite_house", "pg_house", "a" * (LONGEST_FORM + 1), "é" * 13,
        "me\u0301nages", "🌱", "_", "house\nholds", "hunter2!",
    ],
)  # fmt: skip
def test_a_name_that_cannot_be_had_is_refused_and_never_changed(name: str) -> None:
    said = refusal(entry(name))
    assert said.startswith("kobo.yml, line 4: table must be a name of small letters and digits")
    assert "hunter2" not in said


@given(FORM_NAMES | st.text(max_size=30))
@example("kobo_records")
@example("")
def test_a_form_is_named_as_asked_exactly_where_the_name_is_a_valid_one(name: str) -> None:
    tables = [table.name for table in nothing_yet(UID, name).tables]
    assert is_form_name(name) == (tables == [name, f"{name}__files"])


def test_a_name_that_is_taken_is_refused_where_a_form_s_own_name_would_give_way() -> None:
    wanted = wanted_form(entry("households"))
    require_free_table(wanted, names_taken("house", "households_of_old", "other__households"))
    for taken in ("households", "Households", "hóuseholds", "households__files", "HOUSEHOLDS__2"):
        with pytest.raises(ConfigurationError) as caught:
            require_free_table(wanted, names_taken("other", taken))
        assert str(caught.value) == (
            f"kobo.yml, line 4: the database has a table or view {taken} already, which is not the mirror's: "
            "rename that, or ask for another name."
        )
        assert not is_free("households", [taken])
        assert is_free(nothing_yet(UID, "households", taken=[taken]).root.name, [taken])


def test_no_name_is_never_taken() -> None:
    require_free_table(WantedForm(), names_taken("households"))


@pytest.mark.parametrize(
    ("holder", "said"),
    [
        (Holder(is_asked=True), "another form is to have the table visits: ask for another name."),
        (
            Holder("aAnother1", HERE),
            f"another form has the table visits, aAnother1 of {HERE}: ask for another",
        ),
        (Holder("aAnother1"), "another form has the table visits, aAnother1: ask for another name."),
        (Holder(UID), f"another form has the table visits, {UID}: ask for another name."),
        *(
            (
                Holder(key, THERE),
                f"the database has form {UID} of {THERE} already, with the table visits, and this is that of "
                f"{HERE}: set KOBO_URL back to {THERE}. Only if two servers really have a form of this uid, "
                "and both are to be mirrored, ask for another name.",
            )
            for key in (UID, f"{UID}~2")
        ),
    ],
)
def test_whose_a_taken_name_is_decides_what_is_to_be_done(holder: Holder, said: str) -> None:
    taken = names_taken(visits=holder)
    for why in (taken.why_not, taken.why_another_has):
        told = why("visits", "ask for another name")
        assert told is not None
        assert told.startswith(said)
    assert names_taken("visits").why_another_has("visits", "ask for another name") is None
