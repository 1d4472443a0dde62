"""``forms``: what the account has, named in ``kobo.yml`` and taken out of it by one who knows no YAML."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import inspect, select

from kobo_mirror.cli import removing
from kobo_mirror.kobo.accounts import Accounts
from kobo_mirror.store.leases import take_lease
from kobo_mirror.store.tables import metadata
from kobo_mirror.sync import account_forms as command
from tests.support.forms.office import (
    HOUSE,
    IMPATIENT,
    NOTES,
    VISIT,
    Office,
)  # fmt: skip
from tests.support.mirroring import ROOT


@pytest.fixture(autouse=True)
def impatient(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands about forms do not wait between attempts either."""
    for module in (command, removing):
        monkeypatch.setattr(module, "Accounts", lambda **options: Accounts(**options | IMPATIENT))


def test_the_forms_of_the_account_are_listed(office: Office) -> None:
    office.set(DATABASE_URL=None)
    office.form(VISIT).form(active=False)
    code, lines, err = office.run("forms")
    assert (code, err) == (0, "")
    assert lines[0].split() == ["uid", "name", "status", "submissions", "last", "mirrored"]
    assert [line.split()[0] for line in lines[1:4]] == [HOUSE, NOTES, VISIT]
    assert lines[3].split()[1:4] == ["Visits", "archived", "30"]
    assert lines[4] == f"3 forms at {office.server.url}"
    house, *_ = office.told("forms")
    assert house == {
        "uid": HOUSE,
        "name": "Household",
        "status": "deployed",
        "submissions": 12,
        "last_submission": f"{office.form(HOUSE).rows()[-1]['_submission_time']}.000000Z",
        "owner": "sync_user",
        "is_mirrored": False,
        "table": None,
    }
    office.set(KOBO_TOKEN="not-a-token")
    code, lines, err = office.run("forms")
    assert (code, lines) == (2, [])
    assert "was refused" in err


def on_a_terminal(columns: int, *arguments: str) -> list[str]:
    """What a command shows on a terminal of its own."""
    ours, theirs = os.openpty()
    environment = os.environ | {"COLUMNS": str(columns), "PYTHONPATH": str(ROOT / "plugins")}
    command = [sys.executable, "-m", "kobo_mirror", *arguments]
    with subprocess.Popen(command, stdout=theirs, env=environment) as process:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # Linux's way to say that the other end is closed
            while part := os.read(ours, 65536):
                shown += part
    os.close(ours)
    assert process.returncode == 0
    return shown.decode().splitlines()


LONG = "clinicsoftheeasterndistrictandmore"


@pytest.mark.parametrize("office_server", [{"household": 2, LONG: 3}], indirect=True)
def test_uid_and_table_are_never_broken_and_a_pipe_gets_all(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.run("forms", "--write")
    office.run("sync")
    monkeypatch.setenv("COLUMNS", "80")
    uids = office.tables()
    name = {one["uid"]: one["name"] for one in office.told("forms")}
    whole = office.run("forms")[1]
    for lines, is_whole in (
        (whole, True),
        (on_a_terminal(80, "forms"), False),
        (on_a_terminal(300, "forms"), True),
    ):
        assert len(lines) == 4
        for line in lines[1:3]:
            uid = line.split()[0]
            assert line.endswith(f" {uids[uid]}")
            assert line.count(name[uid]) == is_whole
            assert ("…" in line) is not is_whole
    assert max(map(len, uids.values())) == 24
    assert max(map(len, on_a_terminal(100, "forms"))) == 100


def test_from_nothing_to_all_forms_in_three_commands(office: Office) -> None:
    office.form(NOTES).form(deployed=False)
    code, lines, _ = office.run("forms", "--write")
    assert code == 0
    assert lines == [
        f"{HOUSE} is in kobo.yml now, with the table household: Household",
        f"{VISIT} is in kobo.yml now, with the table visits: Visits",
    ]
    assert Path("kobo.yml").read_text() == (
        f"forms:\n  - uid: {HOUSE}  # Household\n    table: household\n"
        f"  - uid: {VISIT}  # Visits\n    table: visits\n"
    )
    assert office.run("sync")[0] == 0
    assert office.tables() == {HOUSE: "household", VISIT: "visits"}
    office.check()
    told = {one["uid"]: (one["is_mirrored"], one["table"]) for one in office.told("forms")}
    assert told == {HOUSE: (True, "household"), VISIT: (True, "visits"), NOTES: (False, None)}
    assert office.run("forms", "--write")[1] == ["nothing was added"]


def test_chosen_forms_are_added_with_names_that_fit(office: Office) -> None:
    office.write(f"# ours\nforms:\n- table: notes\n  uid: {HOUSE}   # households\n# the end\n")
    code, lines, _ = office.run("forms", "add", NOTES, HOUSE)
    assert code == 0
    assert lines[0] == f"{HOUSE} is mirrored already"
    text = Path("kobo.yml").read_text()
    assert text.startswith(f"# ours\nforms:\n- table: notes\n  uid: {HOUSE}   # households\n- uid: {NOTES}")
    assert text.endswith("\n# the end\n")
    assert "table: notes_" in text, "notes is taken"
    assert office.run("sync")[0] == 0
    assert office.tables()[HOUSE] == "notes"
    assert office.tables()[NOTES].startswith("notes_")
    office.write("")
    office.run("forms", "--write", NOTES)
    assert f"table: {office.tables()[NOTES]}\n" in Path("kobo.yml").read_text(), "it keeps its table"


def test_the_form_of_the_environment_is_not_named_again(office: Office) -> None:
    office.set(KOBO_ASSET_ID=HOUSE)
    assert office.run("forms", "add", HOUSE)[1] == [f"{HOUSE} is mirrored already", "nothing was added"]
    assert not Path("kobo.yml").exists()
    assert len(office.run("forms", "--write")[1]) == 2
    assert HOUSE not in Path("kobo.yml").read_text()
    code, _, err = office.run("forms", "remove", HOUSE)
    assert (code, "take it out of .env first" in err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add",), "Say which forms are to be added"),
        (("add", "x"), "a uid has 8 to 40 letters and digits"),
        (("add", "aNoSuchForm00000000001"), "The account shows no form aNoSuchForm00000000001"),
        (("list",), "Say `forms`, `forms --write`"),
        ((HOUSE,), f"Write `forms add {HOUSE}`"),
        ((HOUSE, VISIT), f"Write `forms add {HOUSE} {VISIT}`"),
        (("remove",), "Say which form is to be removed"),
        (("remove", HOUSE, VISIT), "Say which form is to be removed"),
        (("remove", "nothing"), "Neither kobo.yml nor the database has a form nothing."),
        (("--drop-tables",), "--drop-tables belongs to"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(office: Office, arguments: tuple[str, ...], said: str) -> None:
    code, lines, err = office.run("forms", *arguments)
    assert (code, lines) == (2, [])
    assert said in err
    assert not Path("kobo.yml").exists()


def test_a_file_that_cannot_be_written_gets_its_lines_told(office: Office) -> None:
    office.set(KOBO_FORMS_FILE="none/kobo.yml")
    code, lines, err = office.run("forms", "add", VISIT)
    assert (code, lines) == (2, [])
    assert err.endswith(
        "These are the lines to add:\nforms:\n"
        f"  - uid: {VISIT}  # Visits\n    table: visits\n"
    )  # fmt: skip
    office.set(KOBO_FORMS_FILE=None)
    office.write(f"forms: [{{uid: {HOUSE}}}]\n")
    code, _, err = office.run("forms", "add", VISIT)
    assert (code, "one form under the other" in err, "table: visits" in err) == (2, True, True)
    office.form(NOTES).form(deployed=False)
    assert "is not deployed yet" in office.run("forms", "add", NOTES)[2]


def test_a_form_that_is_removed_keeps_its_tables(office: Office) -> None:
    office.run("forms", "--write")
    office.run("sync")
    code, lines, _ = office.run("forms", "remove", "visits")
    assert (code, lines) == (
        0,
        [
            f"{VISIT} is no longer in kobo.yml",
            "its tables stay: visits and those whose names start with visits__",
        ],
    )
    office.form(VISIT).create(1)
    assert len(office.run("sync")[1]) == 2
    assert office.counts() == {"household": 12, "notes": 5, "visits": 30}
    (visit,) = (one for one in office.told("forms") if one["uid"] == VISIT)
    assert (visit["is_mirrored"], visit["table"]) == (False, "visits")
    assert "no longer (visits)" in "\n".join(office.run("forms")[1])
    office.run("forms", "add", VISIT)
    assert office.run("sync")[0] == 0
    office.check()


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def rows_of_form(office: Office, uid: str) -> list[str]:
    """The tables of ours that have rows of the form."""
    of_forms = [table for table in metadata.sorted_tables if "asset_uid" in table.c]
    with office.engine.connect() as connection:
        queries = {table.name: select(table).where(table.c.asset_uid == uid) for table in of_forms}
        return [name for name, query in queries.items() if connection.execute(query).first()]


def test_tables_are_dropped_only_for_who_types_their_name(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.run("forms", "--write")
    office.run("sync")
    before = Path("kobo.yml").read_text()
    for text in ("", "household\n", "VISITS\n", "y\n"):
        typed(monkeypatch, text)
        code, lines, err = office.run("forms", "remove", VISIT, "--drop-tables")
        assert (code, lines) == (2, [])
        assert "That is not the name of the table: nothing was changed." in err
    assert Path("kobo.yml").read_text() == before
    assert office.counts()["visits"] == 30
    take_lease(office.engine, VISIT, "scheduled__2026-11-23")
    typed(monkeypatch, "visits\n")
    assert "holds this form" in office.run("forms", "remove", VISIT, "--drop-tables")[2]
    assert office.counts()["visits"] == 30
    with office.engine.begin() as connection:
        connection.execute(metadata.tables["kobo_leases"].delete())
    typed(monkeypatch, " visits \n")
    code, lines, _ = office.run("forms", "remove", VISIT, "--drop-tables")
    assert (code, lines) == (0, ["dropped: visits__files, visits"])
    assert office.tables() == {HOUSE: "household", NOTES: "notes"}
    assert {name for name in inspect(office.engine).get_table_names() if name.startswith("visits")} == set()
    assert rows_of_form(office, VISIT) == []
    assert len(rows_of_form(office, HOUSE)) > 5
    assert office.run("sync")[0] == office.run("verify", "--full")[0] == 0
    office.check()
    office.run("forms", "add", VISIT)
    assert office.run("sync")[0] == 0
    assert office.counts()["visits"] == 30
    office.check()


def test_where_forms_are_discovered_a_person_is_told_to_exclude_it(office: Office) -> None:
    office.write("discover: all\n")
    office.run("sync")
    code, lines, _ = office.run("forms", "remove", NOTES)
    assert (code, lines[-1]) == (
        0,
        f"discover may find it again: exclude it, as in discover: {{exclude: [{NOTES}]}}",
    )
    assert all(one["is_mirrored"] for one in office.told("forms"))
    office.write(f"discover: {{exclude: [{NOTES}]}}\n")
    assert len(office.run("sync")[1]) == 2
    assert json.dumps(office.told("forms")).count('"is_mirrored": false') == 1
