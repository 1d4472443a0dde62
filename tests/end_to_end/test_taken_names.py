"""Names that are taken: the proposal leaves them, and a sync says what is in the way and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from kobo_mirror.config.forms_file import FormsFile
from kobo_mirror.config.settings import Settings
from kobo_mirror.kobo.form_info import ListedForm
from kobo_mirror.sync.account_forms import AccountForms
from tests.support.forms.office import HOUSE, NOTES, VISIT, Office


def execute(office: Office, sql: str) -> None:
    with office.engine.begin() as connection:
        connection.execute(text(sql))


def with_own(office: Office) -> None:
    """Make a table and a view of the team's own, below the names that two forms would have."""
    execute(office, "CREATE TABLE household__mynotes (a INTEGER)")
    execute(office, "CREATE VIEW visits__mine AS SELECT a FROM household__mynotes")


@pytest.fixture
def own_names(office: Office) -> None:
    with_own(office)


def proposed() -> dict[str, str]:
    lines = [line.split() for line in Path("kobo.yml").read_text().splitlines()[1:]]
    uids, tables = [line[2] for line in lines[::2]], [line[1] for line in lines[1::2]]
    return dict(zip(uids, tables, strict=True))


@pytest.mark.parametrize("is_migrated", [False, True])
def test_a_name_that_is_proposed_is_one_that_the_sync_takes(office: Office, is_migrated: bool) -> None:
    if is_migrated:
        office.run("migrate")
    with_own(office)
    code, lines, _ = office.run("forms", "--write")
    assert (code, len(lines)) == (0, 3)
    tables = proposed()
    assert tables[NOTES] == "notes"
    assert (tables[HOUSE][:10], tables[VISIT][:7]) == ("household_", "visits_")
    assert office.run("sync")[0] == 0
    assert office.tables() == tables
    office.check()


def test_without_a_wish_a_form_leaves_the_names_below_which_others_stand(
    office: Office, own_names: None
) -> None:
    office.write("discover: all\n")
    assert office.run("sync")[0] == 0
    tables = office.tables()
    assert tables[HOUSE].startswith("household_")
    assert tables[VISIT].startswith("visits_")
    office.check()


def test_a_sync_names_what_is_in_the_way(office: Office, own_names: None) -> None:
    office.write(f"forms:\n  - {{uid: {HOUSE}, table: household}}\n  - {{uid: {VISIT}, table: visits}}\n")
    code, _, err = office.run("sync")
    assert code == 2
    for line, found in ((2, "household__mynotes"), (3, "visits__mine")):
        assert (
            f"kobo.yml, line {line}: the database has a table or view {found} already, which is not the "
            "mirror's: rename that, or ask for another name."
        ) in err
    execute(office, "DROP VIEW visits__mine")
    execute(office, "DROP TABLE household__mynotes")
    assert office.run("sync")[0] == 0


def test_the_names_of_the_lock_are_proposed_where_they_are_free(office: Office) -> None:
    office.write(f"forms:\n  - {{uid: {HOUSE}, table: homes}}\n  - {{uid: {NOTES}, table: remarks}}\n")
    office.run("sync")
    assert office.run("plan")[0] == 0
    Path("kobo.yml").unlink()
    office.set(DATABASE_URL=f"sqlite:///{Path.cwd() / 'another.sqlite'}")
    office.run("forms", "add", HOUSE, NOTES)
    assert proposed() == {HOUSE: "homes", NOTES: "remarks"}
    assert office.run("sync")[0] == 0


def test_a_lock_whose_name_is_taken_says_how_to_go_on(office: Office) -> None:
    office.write(f"forms:\n  - {{uid: {HOUSE}, table: household}}\n")
    office.run("sync")
    assert office.run("plan")[0] == 0
    file = Path.cwd() / "another.sqlite"
    office.set(DATABASE_URL=f"sqlite:///{file}")
    office.run("migrate")
    other = type(office)(office.server, f"sqlite:///{file}", office._terminal)
    with_own(other)
    code, _, err = other.run("sync")
    assert code == 2
    assert (
        "names.lock.yml, line 4: the database has a table or view household__mynotes already, which is not "
        "the mirror's: rename that, or take the form out here, and ask for another name in kobo.yml, line 2."
    ) in err
    Path("names.lock.yml").unlink()
    other.write("")
    other.run("forms", "add", HOUSE)
    assert other.run("sync")[0] == 0
    other.engine.dispose()


def test_a_name_that_no_file_may_ask_for_is_not_proposed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    form = ListedForm("aKoboNotes0000000001", "Kobo notes", has_deployment=True)
    (described,) = AccountForms(Settings(), FormsFile(), None).described([form])
    assert described.entry is not None
    assert described.entry.endswith("table: form_kobo_notes")


def test_another_spelling_of_the_server_is_told_apart_from_a_name_that_is_taken(office: Office) -> None:
    office.run("forms", "--write")
    assert office.run("sync")[0] == 0
    before = office.tables()
    url, elsewhere = office.server.url, office.server.url.replace("127.0.0.1", "localhost")
    assert elsewhere != url
    office.set(KOBO_URL=elsewhere)
    code, _, err = office.run("sync")
    assert code == 2
    told = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(told) == 3
    for uid, table in before.items():
        (line,) = (one for one in told if uid in one)
        assert line.endswith(
            f"the database has form {uid} of {url} already, with the table {table}, and this is that of "
            f"{elsewhere}: set KOBO_URL back to {url}. Only if two servers really have a form of this uid, "
            "and both are to be mirrored, ask for another name."
        )
    office.write(f"server: {elsewhere}\n{Path('kobo.yml').read_text()}")
    assert f"set server in kobo.yml back to {url}" in office.run("sync")[2]
    office.set(KOBO_URL=url)
    office.write(Path("kobo.yml").read_text().replace(f"server: {elsewhere}\n", ""))
    assert office.run("sync")[0] == 0
    assert office.tables() == before
    office.check()
