"""Names of columns and tables: readable, no two alike, and within every database's limits."""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kobo_mirror.forms import system_columns
from kobo_mirror.forms.naming import (
    LONGEST_COLUMN,
    cut,
    derived_name,
    fold,
    form_name,
    is_reserved_column,
    is_reserved_table,
    name_all,
    slug,
)
from tests.support.forms.judging import folded
from tests.support.forms.names import LEAVES

UID = "aBcDeFgHiJkLmNoPqRsTuV"


def named(*paths: str, taken: Sequence[str] = (), longest: int = LONGEST_COLUMN) -> dict[str, str]:
    return name_all(
        paths,
        taken,
        is_reserved=lambda n: is_reserved_column(n, system_columns.RESERVED_NAMES),
        longest=longest,
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Full_Name", "full_name"),
        ("blood-type", "blood_type"),
        ("dose.mg", "dose_mg"),
        ("two words", "two_words"),
        ("1st", "_1st"),
        ("ሙሉ_ስም", "ሙሉ_ስም"),
        ("उम्र", "उम्र"),
        ("الاسم", "الاسم"),
        ("pre\u0301nom", "prénom"),
        ("İl", "i̇l"),
        ("\u212bngstrom", "ångstrom"),
        ("q🌱", "q_"),
        ("𝒶ge", "_ge"),
        ("x²", "x_"),
        ("Ⅻ", "_"),
        ("a\x00b", "a_b"),
        ("half\ud83d", "half_"),
        ("", ""),
    ],
)
def test_a_name_keeps_small_letters_marks_and_digits(text: str, name: str) -> None:
    assert slug(text) == name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Name", "name"), ("é", "e"), ("e\u0301", "é"), ("straße", "STRASSE"), ("adı", "adi"), ("İl", "il"),
        ("ΣΊΣΥΦΟΣ", "σισυφος"), ("ﬁn", "fin"), ("\u212a", "k"), ("ſ", "s"), ("ǆ", "dž"), ("ᴬ", "a"), ("Å",
        "a"),
    ],
)  # fmt: skip
def test_names_that_some_database_takes_for_one_are_one(one: str, other: str) -> None:
    assert fold(one) == fold(other)


def test_what_mariadb_takes_for_one_is_one() -> None:
    """It compares the capitals of names, letter by letter."""
    by_capital: dict[str, set[str]] = {}
    for code in range(0x10000):
        letter = chr(code)
        if slug(letter) == letter:
            by_capital.setdefault(letter.upper(), set()).add(fold(letter))
    assert {capital for capital, found in by_capital.items() if len(found) > 1} == set()


def test_a_column_is_named_after_its_leaf() -> None:
    assert named("hh/members/Age", "Full name") == {"hh/members/Age": "age", "Full name": "full_name"}


def test_questions_that_share_a_leaf_take_the_shortest_path_that_is_theirs_alone() -> None:
    assert named("a/x/name", "b/x/name", "c/name", "d/age") == {
        "a/x/name": "a__x__name", "b/x/name": "b__x__name", "c/name": "c__name", "d/age": "age",
    }  # fmt: skip


def test_a_name_that_is_taken_stays_with_who_has_it() -> None:
    assert named("b/name", "c/Náme", taken=["name"]) == {"b/name": "b__name", "c/Náme": "c__náme"}
    assert named("b/name", taken=["NAME", "b__name"])["b/name"].startswith("name_")


def test_twins_in_case_or_accents_alone_are_told_apart() -> None:
    names = named("Code", "code", "códe")
    assert names["Code"] == "code"
    assert len({fold(name) for name in names.values()}) == 3
    assert all(name.startswith(("code_", "códe_")) for path, name in names.items() if path != "Code")


def test_the_last_of_those_that_shared_a_leaf_keeps_it() -> None:
    assert named("name", "b/name") == {"name": "name", "b/name": "b__name"}


@pytest.mark.parametrize("leaf", ["🌱", "--", "___", "½"])
def test_what_cannot_be_read_is_named_by_a_hash_of_its_path(leaf: str) -> None:
    names = named(f"a/{leaf}", f"b/{leaf}")
    assert len(set(names.values())) == 2
    assert all(name.startswith("q_") and len(name) == 7 for name in names.values())


RESERVED = (
    "kobo_id", "id", "extra", "submission_time", "submitted_by", "form_version", "validation_status",
    "validation_by", "validation_time", "root_uuid", "instance_name", "inserted_at", "updated_at", "pos",
    "pos_1", "pos_12", "gps__lat", "gps__lon", "gps__alt", "gps__acc", "start__offset", "members__rows",
    "xmin", "XMAX", "cmin", "cmax", "ctid", "tableoid", "db_row_id", "DB_TRX_ID", "db_roll_ptr", "fts_doc_id",
    "Pos", "éxtra", "gps__LÁT", "members__row\u017f", "ĸobo__rows",
)  # fmt: skip


@pytest.mark.parametrize("leaf", RESERVED)
def test_no_question_has_a_name_that_the_system_or_a_facet_needs(leaf: str) -> None:
    in_group = named(f"g/{leaf}")[f"g/{leaf}"]
    alone = named(leaf)[leaf]
    assert fold(alone).startswith(fold(slug(leaf)))
    assert fold(alone) != fold(slug(leaf))
    assert fold(in_group) != fold(slug(leaf))


@pytest.mark.parametrize(
    "name", ["pos_a", "position", "lat", "rows", "offset", "gps_lat", "a__latitude", "uid"]
)
def test_other_names_are_free(name: str) -> None:
    assert named(name) == {name: name}


TABLES = ("rest", "files", "full", "choices", "wide", "geo", "supplements", "2", "12", "fr", "swa", "ab",
"ስም", "ß", "hh__2", "rést", "FR")  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_no_repeat_has_a_name_that_a_part_or_a_view_needs(name: str) -> None:
    assert is_reserved_table(name)


@pytest.mark.parametrize("name", ["members", "hh__fr", "_2", "a", "rests", "fr2", "hh_2", "kids"])
def test_other_names_of_repeats_are_free(name: str) -> None:
    assert not is_reserved_table(name)


@pytest.mark.parametrize("text", ["n" * 120, "ሙሉ_ስም_" * 20, "é" * 40, "उम्र" * 30])
def test_a_long_name_is_cut_at_a_letter_and_ends_with_a_hash(text: str) -> None:
    for longest in (55, 45, 19):
        short = cut(text, longest, "a/path")
        assert longest - 4 <= len(short.encode()) <= longest
        start, _, tail = short.rpartition("_")
        assert text.startswith(start)
        assert len(tail) == 5
        assert set(tail) <= set(string.ascii_lowercase + "234567")
        assert cut(text, longest, "b/path") != short
    assert cut(text, 1000, "") == text


def test_a_name_of_the_longest_length_is_kept() -> None:
    assert named("q" * 55) == {"q" * 55: "q" * 55}
    assert named("q" * 54 + "é")["q" * 54 + "é"].startswith("q" * 49 + "_")


@pytest.mark.parametrize("ending", ["offset", "lat", "decimal", "text"])
def test_further_columns_of_a_question_fit_and_end_with_what_they_hold(ending: str) -> None:
    for base in ("gps", "q" * 55, "ል" * 18):
        taken = set[str]()
        for _ in range(3):
            name = derived_name(base, ending, taken.__contains__)
            assert name.endswith(f"__{ending}")
            assert len(name.encode()) <= 63
            assert name not in taken
            taken.add(name)
    assert derived_name("gps", ending, lambda _: False) == f"gps__{ending}"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Baseline survey 2026", "baseline_survey_2026"),
        ("Enquête ménage", "enquête_ménage"),
        ("A - B (old)", "a_b_old"),
        ("_x_", "x"),
        ("🌱🌱", UID.lower()),
        ("", UID.lower()),
        ("ክልል", "ክልል"),
        ("SQLite test", "form_sqlite_test"),
        ("pg_class", "form_pg_class"),
        ("SQLite", "sqlite"),
    ],
)
def test_a_form_is_named_after_its_name_else_its_uid(name: str, wanted: str) -> None:
    assert form_name(name, UID, ["other"]) == wanted


@pytest.mark.parametrize("name", ["A very long name of a project", "የቤተሰብ ጥናት", "a" * 17 + "-" + "b" * 20])
def test_a_long_name_of_a_form_is_cut_and_has_a_hash_of_its_uid(name: str) -> None:
    found = form_name(name, UID, ())
    start, _, tail = found.rpartition("_")
    assert slug(name).startswith(start)
    assert len(tail) == 5
    assert form_name(name, "another", ()) not in (found, start)


@pytest.mark.parametrize("name", ["kobo_records", "Kobo forms", "survey", "Survéy", "SURVEY"])
def test_a_form_named_as_ours_or_as_another_table_has_a_hash_of_its_uid(name: str) -> None:
    found = form_name(name, UID, ["survey"])
    assert found.startswith(f"{slug(name)[:18]}_")
    assert found != form_name(name, "another", ["survey"])
    again = form_name(name, UID, ["survey", found])
    assert again not in ("survey", found)


@given(LEAVES, st.lists(st.sampled_from(["survey", "members", "n" * 24]), max_size=2))
@settings(max_examples=200, deadline=None)
def test_the_name_of_a_form_fits_and_is_told_from_what_follows_it(name: str, taken: list[str]) -> None:
    found = form_name(name, UID, taken)
    assert 0 < len(found.encode()) <= 24
    assert "__" not in found
    assert found == found.strip("_")
    assert folded(found) not in map(folded, taken)


@given(
    st.lists(st.lists(LEAVES, min_size=1, max_size=3).map("/".join), unique=True, max_size=12),
    st.lists(LEAVES.map(slug).filter(bool), max_size=4),
    st.sampled_from([19, 45, 55]),
)
@settings(max_examples=200, deadline=None)
def test_any_paths_get_names_of_their_own_that_fit(paths: list[str], taken: list[str], longest: int) -> None:
    names = named(*paths, taken=taken, longest=longest)
    assert list(names) == paths
    everyone = [*map(folded, names.values()), *{folded(name) for name in taken}]
    assert len(set(everyone)) == len(everyone)
    for name in names.values():
        assert 0 < len(name.encode()) <= longest
        assert name == unicodedata.normalize("NFC", name).lower()
        assert not is_reserved_column(name, system_columns.RESERVED_NAMES)
    assert named(*paths, taken=taken, longest=longest) == names


@pytest.mark.parametrize("ending", ["x" * 200, "ጤና" * 60])
@pytest.mark.parametrize("base", ["needs", "n" * 63])
def test_endings_that_are_long_are_cut_and_told_apart(base: str, ending: str) -> None:
    taken: list[str] = []
    for last in "ab":
        taken.append(derived_name(base, ending + last, taken.__contains__))
    assert len({*taken}) == 2
    assert all(len(name.encode()) <= 63 for name in taken)
