"""Which forms are mirrored: that of the environment as ever, and those that ``kobo.yml`` names."""

from __future__ import annotations

from pathlib import Path

import pytest

from kobo_mirror.config.forms_file import FormEntry, read_forms_file
from kobo_mirror.config.settings import SET_IT, Settings
from kobo_mirror.errors import ConfigurationError
from kobo_mirror.store.listings import Standing
from kobo_mirror.sync.chosen import ChosenForm, form_of_environment, named_forms, with_keys

FIRST, SECOND, THIRD = (f"aInkomokoTestForm0000{number}" for number in (1, 2, 3))
URL, EU = "https://kf.kobotoolbox.org", "https://eu.kobotoolbox.org"
ENV = {"TOKEN_2": " 2nd-token "}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def chosen(text: str, uid: str = FIRST) -> list[ChosenForm]:
    Path("kobo.yml").write_text(text)
    settings = Settings(kobo_url=URL, kobo_token="first", kobo_asset_id=uid)
    return named_forms(settings, read_forms_file(settings), ENV)


def refusal(text: str, uid: str = FIRST) -> str:
    with pytest.raises(ConfigurationError) as caught:
        chosen(text, uid)
    return str(caught.value)


def test_without_a_file_it_is_the_form_of_the_environment_alone() -> None:
    settings = Settings(kobo_asset_id=FIRST, kobo_token="first")
    (form,) = named_forms(settings, read_forms_file(settings))
    assert (form.settings, form.among_others, form.wanted.may_be_declared) == (settings, False, True)
    assert form == form_of_environment(settings)


@pytest.mark.parametrize("uid", ["", f"uid: {FIRST}, "])
def test_an_entry_without_a_uid_or_with_its_uid_is_about_it(uid: str) -> None:
    (form,) = chosen(f"forms: [{{{uid}table: households}}]")
    assert (form.uid, form.wanted.table, form.among_others) == (FIRST, "households", bool(uid))
    assert form.wanted.may_be_declared


def test_a_file_adds_forms_to_that_of_the_environment() -> None:
    text = f"defaults: {{schema: review}}\nforms: [{{uid: {SECOND}, table: visits}}, {{uid: {THIRD}}}]"
    first, second, third = chosen(text)
    assert [form.uid for form in (first, second, third)] == [FIRST, SECOND, THIRD]
    assert {form.among_others for form in (first, second, third)} == {True}
    assert {form.wanted.schema for form in (first, second, third)} == {"review"}
    assert [form.wanted.may_be_declared for form in (first, second, third)] == [True, False, False]
    assert [form.wanted.others for form in (first, second, third)] == [{"visits"}, set(), {"visits"}]
    assert {form.settings.kobo_token for form in (first, second, third)} == {"first"}
    assert [form.uid for form in chosen(text, uid="")] == [SECOND, THIRD]


def test_a_form_of_another_server_is_asked_with_its_own_token() -> None:
    _, form = chosen(f"forms: [{{uid: {SECOND}, server: {EU}, token: TOKEN_2}}]")
    assert (form.server, form.settings.kobo_token) == (EU, "2nd-token")
    assert "2nd-token" not in repr(form)
    *_, form = chosen(f"forms:\n- uid: {SECOND}\n  token: TOKEN_3")
    assert (form.settings.kobo_token, str(form.problem)) == (
        "",
        f"kobo.yml, line 3: the environment variable TOKEN_3 is not set. {SET_IT}",
    )
    with pytest.raises(ConfigurationError, match="TOKEN_3 is not set"):
        form.require_account()


def test_the_same_uid_on_another_server_is_another_form() -> None:
    first, second = chosen(f"forms: [{{uid: {FIRST}, server: {EU}, token: TOKEN_2, table: eu}}]")
    assert [(form.server, form.wanted.table) for form in (first, second)] == [(URL, None), (EU, "eu")]


def test_what_is_wrong_is_a_sentence_with_its_line() -> None:
    assert refusal(f"forms:\n- table: one\n- uid: {FIRST}") == (
        "kobo.yml, line 3: this is the form of KOBO_ASSET_ID, and so is that of line 2: leave one out."
    )
    assert refusal("forms:\n- table: one", uid="") == (
        "kobo.yml, line 2: uid is missing: only the form of KOBO_ASSET_ID may go without."
    )
    assert refusal(f"forms:\n- uid: {SECOND}\n  table: Visits").startswith("kobo.yml, line 3: table must be")
    assert refusal(f"forms:\n- uid: {SECOND}\n  types: {{age: int}}").startswith("kobo.yml, line 3: a type")


@pytest.mark.parametrize("spelt", [URL, f"{URL}/", "https://KF.kobotoolbox.org", f"{URL}:443"])
@pytest.mark.parametrize("turn", [1, -1])
def test_a_form_that_stands_twice_is_seen_if_one_names_the_server_of_all(spelt: str, turn: int) -> None:
    entries = [f"- uid: {SECOND}", f"- {{uid: {SECOND}, server: '{spelt}', token: TOKEN_2}}"][::turn]
    said = "this form stands here twice: first in line 2."
    assert refusal("\n".join(["forms:", *entries])) == f"kobo.yml, line 3: {said}"
    assert refusal("\n".join(["forms:", *entries]), uid="") == f"kobo.yml, line 3: {said}"


def test_schedules_are_those_of_further_forms_alone() -> None:
    text = (
        "defaults: {schedule: '@daily'}\n"
        f"forms: [{{uid: {FIRST}, schedule: '@weekly'}}, {{uid: {SECOND}, schedule: '@hourly'}}, "
        f"{{uid: {THIRD}}}]"
    )
    assert [form.wanted.schedules for form in chosen(text)] == [
        ("", ""),
        ("@daily", "@hourly"),
        ("@daily", ""),
    ]


def test_no_entry_shows_a_token() -> None:
    assert "hunter2" not in repr(ChosenForm(Settings(kobo_token="hunter2"), chosen("")[0].wanted))
    assert FormEntry().token == ""


def test_a_key_is_the_uid_unless_another_server_has_it() -> None:
    text = f"forms: [{{uid: {FIRST}, server: {EU}, token: TOKEN_2}}, {{uid: {SECOND}}}]"
    forms = chosen(text)
    assert [one.form_key for one in forms] == [FIRST, FIRST, SECOND]
    assert [one.form_key for one in with_keys(forms, [])] == [FIRST, f"{FIRST}~2", SECOND]
    standing = [Standing("eu", EU, FIRST, 0, None), Standing("x", "https://third.example", SECOND, 0, None)]
    keyed = with_keys(forms, standing)
    assert [one.form_key for one in keyed] == [f"{FIRST}~2", FIRST, f"{SECOND}~2"]
    later = [*standing, Standing("own", URL, f"{FIRST}~2", 0, None)]
    assert with_keys(keyed, later) == keyed, "no key is given anew"
    assert with_keys(keyed[:1], later[-1:]) == keyed[:1]
