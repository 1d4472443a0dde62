"""``names.lock.yml``: the one sentence, with file and line, for each thing that is wrong in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kobo_mirror.config.names_lock import names_lock_path, read_names_lock
from kobo_mirror.config.settings import Settings
from kobo_mirror.errors import ConfigurationError
from kobo_mirror.forms.names_lock import locked_form, locked_names

UID = "aBcDeFgHiJkLmNoPqRsTuV"
FORM = f"""\
forms:
- uid: {UID}
  name: survey
  tables:
  - name: survey
    repeats: []
    columns:
      age: {{path: age, kind: integer}}
      at: {{path: at, kind: time}}
      at__offset: {{path: at, facet: offset}}
  - name: survey__members
    repeats: [members]
    columns: {{}}
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refusal(text: str) -> str:
    Path("names.lock.yml").write_text(text, "utf-8")
    with pytest.raises(ConfigurationError) as caught:
        locked_names(locked_form(read_names_lock(Settings()), UID))
    said = str(caught.value)
    assert said.endswith((".", "?"))
    assert "\n" not in said
    return said.removeprefix("names.lock.yml, ")


def test_it_lies_beside_the_forms_file() -> None:
    assert names_lock_path(Settings()) == Path("names.lock.yml")
    assert names_lock_path(Settings(kobo_forms_file="/srv/kobo/forms.yml")) == Path(
        "/srv/kobo/names.lock.yml"
    )


def test_a_form_that_is_not_in_it_has_no_names() -> None:
    Path("names.lock.yml").write_text(FORM, "utf-8")
    assert not locked_names(locked_form(read_names_lock(Settings()), "aAnotherFormAltogether")).form
    assert locked_names(locked_form(read_names_lock(Settings()), UID)).form == "survey"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("forms:", "form:", "line 1: form is not known here; did you mean forms?"),
        (UID, "x", "line 2: uid must be a form's uid: the 8 to 40 letters and digits after /forms/ in its"),
        ("  name: survey\n", "", "line 2: name is missing here."),
        ("name: survey\n", "name: Survey\n", "line 2: no form's tables can have this name."),
        ("name: survey\n", "name: kobo_survey\n", "line 2: no form's tables can have this name."),
        ("- name: survey\n", "- name: other\n", "line 5: no table of this form and of these repeats can"),
        ("survey__members", "members", "line 11: no table of this form and of these repeats can have"),
        ("survey__members", "survey__files", "line 11: no table of this form and of these repeats can have"),
        ("[members]", "[members, pets]", "line 11: no table of this form and of these repeats can have"),
        ("[members]", "[]", "line 11: no table of this form and of these repeats can have this name."),
        ("    repeats: []\n", "", "line 5: repeats is missing here."),
        ("age: {path", "Age: {path", "line 8: no column of this kind can have this name."),
        ("age: {path", "kobo_id: {path", "line 8: no column of this kind can have this name."),
        ("age: {path", "age__lat: {path", "line 8: no column of this kind can have this name."),
        ("at__offset", "at__off", "line 10: no column of this kind can have this name."),
        ("at: {path", "age: {path", "line 9: this column stands here twice: first in line 8."),
        ("at: {path", "àge: {path", "line 9: another column of this table has the same name in some"),
        ("path: at, kind: time", "path: age, kind: integer", "line 9: another column of this table has the"),
        ("kind: time", "kind: hour", "line 9: kind must be one of integer, decimal, text, key, date, time,"),
        ("facet: offset", "facet: minutes", "line 10: kind must be one of integer, decimal, text, key,"),
        (
            "facet: offset",
            "facet: offset, kind: text",
            "line 10: a column must be told such as {path: hh/age",
        ),
        ("{path: at, kind: time}", "hour", "line 9: a column must be told such as {path: hh/age, kind:"),
        ("    columns: {}", "    columns: []", "line 13: columns must be lines such as age: {path: hh/age,"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_its_line(old: str, new: str, said: str) -> None:
    assert old in FORM
    assert refusal(FORM.replace(old, new, 1)).startswith(said)


def test_a_form_that_stands_there_twice_and_tables_with_one_name_are_refused() -> None:
    twice = FORM + FORM.removeprefix("forms:\n")
    assert refusal(twice) == "line 14: this form stands here twice: first in line 2. Leave one out."
    table = "  - name: survey__members\n    repeats: [pets]\n    columns: {}\n"
    assert refusal(FORM + table).startswith("line 14: another table here has the same name in some spelling")


def test_a_file_that_cannot_be_read_is_one_sentence() -> None:
    Path("names.lock.yml").mkdir()
    with pytest.raises(ConfigurationError, match=r"^The file names\.lock\.yml cannot be read: .*\.$"):
        read_names_lock(Settings())
