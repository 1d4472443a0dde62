"""``kobo.yml``: what is read of it, and the one sentence, with its line, for each thing that is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kobo_mirror.config.forms_file import FormEntry, FormsFile, read_forms_file
from kobo_mirror.config.settings import Settings
from kobo_mirror.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[3]
SECRET = "5eed0000hunter2"
UID, OTHER = "aInkomokoTestForm00001", "aInkomokoTestForm00002"
WHOLE = """\
# our survey
forms:
  - uid: aInkomokoTestForm00001
    table: households
    types:
      hh/members/age: integer
      yes: text
      "no": "date"
    schema: review
    views: [geo, wide]
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def whole(text: str | bytes, *, file: str = "kobo.yml") -> FormsFile:
    Path(file).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_forms_file(Settings(kobo_forms_file=file))


def read(text: str | bytes, *, file: str = "kobo.yml") -> tuple[FormEntry, ...]:
    return whole(text, file=file).entries


def refusal(text: str | bytes) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    said = str(caught.value)
    assert said.endswith((".", "?"))
    assert "\n" not in said
    return said


def test_all_of_it_is_read_as_it_is_written() -> None:
    (entry,) = read(WHOLE)
    assert (entry.uid, entry.table, entry.schema) == ("aInkomokoTestForm00001", "households", "review")
    assert dict(entry.types) == {"hh/members/age": "integer", "yes": "text", "no": "date"}
    assert entry.views == ("wide", "geo")
    assert entry.place() == "kobo.yml, line 3"
    assert entry.place("table") == "kobo.yml, line 4"
    assert entry.place("types", "yes") == "kobo.yml, line 7"
    assert entry.place("types", "unheard/of") == "kobo.yml"


def test_what_is_left_out_has_its_default() -> None:
    (entry,) = read("forms:\n  - table: households\n")
    assert (entry.uid, dict(entry.types), entry.schema) == ("", {}, "additive")


def test_each_form_of_several_is_an_entry() -> None:
    assert [entry.table for entry in read(f"forms: [{{table: one}}, {{uid: {UID}, table: two}}]")] == [
        "one", "two",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["", "# nothing yet\n", "forms: []\n", "{}\n", "---\n", "\ufeff", "forms:\n"]
)
def test_an_empty_file_asks_for_nothing(text: str) -> None:
    assert read(text) == ()


def test_a_byte_order_mark_and_ends_of_lines_of_windows_do_no_harm() -> None:
    assert read(b"\xef\xbb\xbf" + WHOLE.replace("\n", "\r\n").encode()) == read(WHOLE)


def test_the_example_can_be_copied() -> None:
    (entry,) = read((ROOT / "forms" / "example.yml").read_text())
    assert (entry.table, len(entry.types), entry.schema) == ("households", 2, "additive")


def test_the_default_file_may_be_missing() -> None:
    assert read_forms_file(Settings()) == FormsFile()


def test_a_file_of_the_other_spelling_is_not_passed_over() -> None:
    Path("kobo.yaml").write_text(WHOLE)
    with pytest.raises(ConfigurationError, match=r"^There is a file kobo.yaml: call it kobo.yml, or name it"):
        read_forms_file(Settings())
    assert whole(WHOLE, file="kobo.yaml") == read_forms_file(Settings(kobo_forms_file="kobo.yaml"))


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    for file, where in (("forms/kobo.yml", f" in {tmp_path}"), (f"{tmp_path}/kobo.yml", " here")):
        with pytest.raises(ConfigurationError) as caught:
            read_forms_file(Settings(kobo_forms_file=file))
        assert str(caught.value) == f"KOBO_FORMS_FILE names {file}, but there is no such file{where}."


def test_a_directory_in_the_place_of_the_file_is_refused() -> None:
    """Docker makes one where the file that is to be mounted is missing."""
    Path("kobo.yml").mkdir()
    with pytest.raises(ConfigurationError, match=r"^The file kobo.yml, .* cannot be read: Is a directory.$"):
        read_forms_file(Settings())


def test_the_file_is_called_as_the_setting_names_it() -> None:
    Path("forms").mkdir()
    with pytest.raises(ConfigurationError, match=r"^forms/kobo.yml, line 2: forms must be a list"):
        read("#\nforms: one", file="forms/kobo.yml")


NO_FILE = "the file must begin with " + " or ".join(
    f'"{name}:"' for name in ("server", "token", "connection", "defaults", "forms", "discover")
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- table: one", f"line 1: {NO_FILE}."),
        ("households", f"line 1: {NO_FILE}."),
        ("form:\n- table: one", "line 1: form is not known here; did you mean forms?"),
        ("\nboth: all",
         "line 2: both is not known here; known: server, token, connection, defaults, forms, discover."),
        ("forms:\n  table: one", "line 1: forms must be a list, with a - before each form."),
        ("forms: [one]", "line 1: a form must be lines such as table: households."),
        ("forms: &a [*a]", "line 1: a form must be lines such as table: households."),
        ("forms:\n- tabel: one", "line 2: tabel is not known here; did you mean table?"),
        ("forms:\n- <<: {table: one}",
          "line 2: this key is not known here; known: uid, table, types, schema, join, apart, views, server, "
          "token, connection, schedule, own_dag."),
        ("forms:\n- table: one\n  table: two", "line 3: table stands here twice: first in line 2."),
        ("forms:\n- table: [one]", "line 2: table must be a text."),
        ("forms:\n- table: !!python/name:os.system x", "line 2: table must be a text."),
        ("forms:\n- table:\n  schema: review", "line 2: a value is missing: add it, or leave the line out."),
        ("forms:\n- table: ''", "line 2: a value is missing: add it, or leave the line out."),
        ("forms:\n- schema: yes", "line 2: schema must be additive, review or auto."),
        ("forms:\n- types: integer", "line 2: types must be lines such as hh/age: integer."),
        ("forms:\n- types: [{age: text}]", "line 2: types must be lines such as hh/age: integer."),
        ("forms:\n- types:\n    age: text\n    b: text\n    'age': date",
         "line 5: this question stands here twice: first in line 3."),
        ("forms:\n- types:\n    age: {kind: text}", "line 3: a type must be a word such as integer."),
        ("forms:\n- views: wide", "line 2: views must be a list such as [wide]; known: wide, geo."),
        ("forms:\n- views:\n  - wide\n  - tall",
         "line 4: views must be a list such as [wide]; known: wide, geo."),
        ("forms:\n- types:\n    age:", "line 3: a value is missing: add it, or leave the line out."),
        (f"forms:\n- uid: {UID}\n- uid: {OTHER}\n- table: one\n  uid: {UID}",
         "line 5: this form stands here twice: first in line 2."),
        ("forms:\n- table: one\n- table: two",
         "line 3: uid is missing: only one form may go without, that of KOBO_ASSET_ID."),
        (f"forms:\n- uid: {UID}\n  table: one\n- uid: {OTHER}\n  table: one",
         "line 5: two forms ask for the table one: this one and that of line 2; give each its own."),
        ("server: kf", "line 1: server must be an address that starts with http:// or https://."),
        ("forms:\n- server: https://kf.example/api/v2",
         "line 2: server must be only the server's address, such as https://kf.kobotoolbox.org."),
        (f"server: https://a.example\nforms:\n- uid: {UID}\n  server: https://b.example",
         "line 4: a form of another server needs the token of an account there: add token."),
        ("defaults: review", "line 1: defaults must be lines such as schema: review."),
        ("defaults:\n  table: one", "line 2: table is not known here; known: schema, schedule."),
        ("defaults:\n  schema: all", "line 2: schema must be additive, review or auto."),
        ("forms:\n- own_dag: yes", "line 2: own_dag must be true or false."),
        ("forms:\n- schedule: often",
         "line 2: schedule must be @hourly, @daily, @weekly, @monthly or @yearly, or such as "
         '"*/15 * * * *": minute (0-59), hour (0-23), day (1-31), month (1-12) and weekday (0-7), of a day '
         "that there is."),
        (f"forms:\n- table: one\n  own_dag: true\n- uid: {UID}\n  own_dag: true",
         "line 3: own_dag needs uid beside it: add uid, or leave own_dag out. The form of KOBO_ASSET_ID has "
         "kobo_sync."),
        ("defaults:\n  own_dag: true", "line 2: own_dag is not known here; known: schema, schedule."),
        ("discover:\n  own_dag: true", "line 2: own_dag is not known here; known: tag, owner, exclude."),
        ("discover: some", "line 1: discover must be all, or lines such as tag: mirror."),
        ("discover: {}", "line 1: discover must be all, or lines such as tag: mirror."),
        ("discover:", "line 1: discover must be all, or lines such as tag: mirror."),
        ("discover:\n  tags: one", "line 2: tags is not known here; did you mean tag?"),
        ("discover:\n  exclude: one", "line 2: exclude must be a list of uids."),
        ("discover:\n  exclude: [one]", "line 2: uid must be a form's uid: the 8 to 40 letters and digits "
         "after /forms/ in its address."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence_with_its_line(text: str, said: str) -> None:
    assert refusal(text) == f"kobo.yml, {said}"


@pytest.mark.parametrize("path", ["/hh/age", "hh/age/", "hh//age", "the age", "hh/ age"])
def test_what_is_no_path_of_a_question_is_refused(path: str) -> None:
    said = refusal(f"forms:\n- types:\n    '{path}': text")
    assert said.startswith("kobo.yml, line 3: a question is named by its path")


@pytest.mark.parametrize("uid", ["x", "https://kf.kobotoolbox.org/#/forms/aXyz", "aXyz aXyz"])
def test_what_is_no_uid_is_refused(uid: str) -> None:
    assert refusal(f"forms:\n- uid: {uid}").startswith("kobo.yml, line 2: uid must be a form's uid")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("forms:\n- table: one\n\tschema: review", 3),
        ("forms:\n- table: 'one", 2),
        ("forms:\n- table: one: two", 2),
        ("forms: []\n---\nforms: []", 2),
        ("forms:\n- table: *two", 2),
        ("#\n#\nforms: \x07", 3),
        ("[" * 5_000, 1),
    ],
)
def test_what_is_no_yaml_is_told_by_its_line(text: str, line: int) -> None:
    assert refusal(text).startswith(f"kobo.yml, line {line}: this is no YAML")


def test_what_is_no_utf_8_is_told_by_its_line() -> None:
    said = refusal("forms:\n- table: ménages".encode("latin-1"))
    assert said == "kobo.yml, line 2: this is not UTF-8: save the file as UTF-8."


@pytest.mark.parametrize("key", ["KOBO_TOKEN", "webhook_secret", "password", "api_key", "ApiKey"])
def test_a_secret_is_told_where_it_belongs(key: str) -> None:
    said = "secrets do not belong into this file: set them in .env or the environment."
    assert refusal(f"{key}: {SECRET}") == f"kobo.yml, line 1: {said}"
    assert refusal(f"forms:\n- {key}: {SECRET}") == f"kobo.yml, line 2: {said}"


@pytest.mark.parametrize(
    "text",
    [
        f"{SECRET}: 1",
        f"{SECRET}",
        f"forms: {SECRET}",
        f"forms: [{SECRET}]",
        f"forms:\n- {SECRET}: one",
        f"forms:\n- uid: mysql://kobo:{SECRET}@host",
        f"forms:\n- schema: {SECRET}",
        f"forms:\n- types: {SECRET}",
        f"forms:\n- types: {{a {SECRET}: text}}",
        f"forms:\n- types: {{{SECRET}: text, {SECRET}: date}}",
        f"forms:\n- table: *{SECRET}",
        f"forms:\n- table: !{SECRET} one",
        f"forms:\n- table: '{SECRET}",
        f"token: {SECRET}",
        f"server: https://kobo:{SECRET}@host",
        f"forms:\n- secret: {SECRET}",
        f"forms:\n- schedule: {SECRET}",
        f"forms:\n- own_dag: {SECRET}",
        f"discover: {SECRET}",
        f"discover:\n  exclude: [x{SECRET}_]",
    ],
)
def test_no_sentence_shows_what_could_be_a_secret(text: str) -> None:
    assert SECRET not in refusal(text)


def test_the_webhook_needs_no_yaml() -> None:
    """Its image does not have it."""
    program = "import sys; import webhook.app; print('yaml' in sys.modules)"
    env = {"PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}"}
    told = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True
    )
    assert told.stdout == "False\n"
