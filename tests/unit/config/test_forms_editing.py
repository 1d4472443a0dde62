"""Forms are added to ``kobo.yml`` and taken out: what a person wrote stays, letter by letter."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kobo_mirror.config.forms_editing import NewEntry, with_entries, without_entry, write_forms_file
from kobo_mirror.config.forms_file import parse_forms_file
from kobo_mirror.errors import ConfigurationError

FIRST, SECOND, THIRD = (f"aInkomokoTestForm0000{number}" for number in (1, 2, 3))
NEW = [NewEntry(THIRD, "visits", "Home\nvisits # 2 🏠")]
ADDED = f"- uid: {THIRD}  # Home visits # 2 🏠\n  table: visits\n"


def added(text: str) -> str:
    return with_entries("kobo.yml", text, NEW)


def indented(text: str, blanks: int) -> str:
    return "".join(f"{' ' * blanks}{line}\n" for line in text.splitlines())


WRITTEN = f"""\
# All our forms. Ask Ada before you change it!

server: https://kf.kobotoolbox.org   # ours
forms:

    # the first one
    -   uid: {FIRST}   # households
        types: {{"hh/age": integer,
                a: text}}
        # join: later
    # the second one

    - {{ uid: {SECOND}, table: 'second' }}
      # apart: [a]

# defaults: none
defaults:
  schema: review
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "forms:\n" + indented(ADDED, 2)),
        ("# nothing yet", "# nothing yet\nforms:\n" + indented(ADDED, 2)),
        ("discover: all\n", "discover: all\nforms:\n" + indented(ADDED, 2)),
        ("forms:\n", "forms:\n" + indented(ADDED, 2)),
        ("forms:  # ours\ndiscover: all\n", "forms:  # ours\n" + indented(ADDED, 2) + "discover: all\n"),
        ("forms: []  # ours\n", "forms:  # ours\n" + indented(ADDED, 2)),
        (f"forms:\n- uid: {FIRST}", f"forms:\n- uid: {FIRST}\n{ADDED}"),
        (f"forms:\n- uid: {FIRST}\n# the end\n", f"forms:\n- uid: {FIRST}\n{ADDED}# the end\n"),
        (
            f"forms:\n  - uid: {FIRST}\n    apart:\n    - a\n    # - b\n\n\nserver: https://a.example\n",
            f"forms:\n  - uid: {FIRST}\n    apart:\n    - a\n    # - b\n{indented(ADDED, 2)}\n\n"
            "server: https://a.example\n",
        ),
        (WRITTEN, WRITTEN.replace("      # apart: [a]\n", "      # apart: [a]\n" + indented(ADDED, 4))),
    ],
)
def test_a_form_is_added_at_the_end_of_the_list(before: str, after: str) -> None:
    assert added(before) == after
    for end in ("\r\n", "\n"):
        mark = "\ufeff" if end == "\r\n" else ""
        text = added(mark + before.replace("\n", end))
        assert text == mark + after.replace("\n", end) or "\n" not in before
    assert parse_forms_file("kobo.yml", after.encode()).entries[-1].table == "visits"


@pytest.mark.parametrize("number", [0, 1])
def test_a_form_is_taken_out_with_what_is_said_of_it(number: int) -> None:
    gone = [
        f"""\
    -   uid: {FIRST}   # households
        types: {{"hh/age": integer,
                a: text}}
        # join: later
""",
        f"""\
    - {{ uid: {SECOND}, table: 'second' }}
      # apart: [a]
""",
    ][number]
    assert gone in WRITTEN
    assert without_entry("kobo.yml", WRITTEN, number) == WRITTEN.replace(gone, "")


def test_what_was_added_can_be_taken_out_again() -> None:
    for text in (WRITTEN, f"forms:\n- uid: {FIRST}\n", "forms:\n", "# nothing\nforms:\n"):
        number = len(parse_forms_file("kobo.yml", text.encode()).entries)
        assert without_entry("kobo.yml", added(text), number) == text


@pytest.mark.parametrize(
    "text", [f"forms: [{{uid: {FIRST}}}]\n", "{forms: []}\n", "{}\n", "forms: ~\n", "forms: []\n...\n# end"]
)
def test_a_file_that_has_no_lines_for_forms_is_left_as_it_is(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^kobo.yml, line 1: .*one form under the other"):
        added(added(text))
    if FIRST in text:
        with pytest.raises(ConfigurationError, match="one form under the other"):
            without_entry("kobo.yml", text, 0)


def test_the_file_is_written_whole_with_its_rights(tmp_path: Path) -> None:
    path = tmp_path / "kobo.yml"
    write_forms_file(str(path), "forms:\n")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("forms:\n", 0o644)
    path.chmod(0o600)
    link = tmp_path / "link.yml"
    link.symlink_to(path)
    write_forms_file(str(link), "é\r\n")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == ("é\r\n".encode(), 0o600)
    assert link.is_symlink()
    with pytest.raises(
        ConfigurationError, match=r"^The file .*none/kobo.yml cannot be written: No such file"
    ):
        write_forms_file(str(tmp_path / "none" / "kobo.yml"), "")
    assert sorted(os.listdir(tmp_path)) == ["kobo.yml", "link.yml"]
