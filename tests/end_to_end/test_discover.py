"""``discover``: deployed forms of the account are mirrored without being named; none is lost from sight."""

from __future__ import annotations

import socket

import pytest

from kobo_mirror.store.lights import SENTENCES
from tests.support.forms.office import HOUSE, NOTES, VISIT, Office

ON_ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_form_that_is_deployed_is_mirrored_by_the_next_sync(office: Office) -> None:
    office.write(f"discover: all\nforms: [{{uid: {HOUSE}, table: families}}]")
    office.form(VISIT).form(deployed=False)
    assert office.run("sync")[0] == 0
    assert office.tables() == {HOUSE: "families", NOTES: "notes"}
    office.form(VISIT).form(deployed=True)
    code, lines, _ = office.run("sync")
    assert (code, len(lines)) == (0, 3)
    assert office.tables() == {HOUSE: "families", NOTES: "notes", VISIT: "visits"}
    office.check()
    code, lines, _ = office.run("verify", "--form", "visits")
    assert (code, lines) == (0, ["visits: mirror equals source: 30 submissions, 0 differences"])


@pytest.mark.parametrize(
    ("discover", "tables"),
    [
        ("{tag: mirror}", {"household", "visits"}),
        ("{owner: field_team}", {"household", "notes"}),
        ("{tag: mirror, owner: field_team}", {"household"}),
        (f"{{exclude: [{HOUSE}]}}", {"visits", "notes"}),
        (f"{{tag: mirror, exclude: [{VISIT}]}}", {"household"}),
        ("{tag: nothing}", set()),
    ],
)
def test_forms_are_found_by_tag_and_owner_with_exclusions(
    office: Office, discover: str, tables: set[str]
) -> None:
    office.form(HOUSE).form(tag_string="mirror,health", owner="field_team")
    office.form(VISIT).form(tag_string="mirror")
    office.form(NOTES).form(tag_string="mirror2", owner="field_team")
    office.write(f"discover: {discover}")
    assert office.run("sync")[0] == 0
    assert set(office.tables().values()) == tables


@pytest.mark.parametrize("kind", ["503", "401"])
def test_without_the_list_known_forms_go_on(office: Office, kind: str) -> None:
    office.write("discover: all")
    assert office.run("sync")[0] == 0
    office.faults.add(kind, count=None, path=r"assets/\?")
    office.form(NOTES).create(1)
    code, lines, err = office.run("sync")
    assert (code, len(lines)) == ({"503": 1, "401": 2}[kind], 3)
    assert err.startswith("error: The forms of the account cannot be listed, so none is discovered: ")
    assert office.counts()["notes"] == 6


def test_a_form_that_left_the_list_is_named_and_keeps_its_rows(office: Office) -> None:
    office.write("discover: all")
    assert office.run("sync")[0] == 0
    office.form(VISIT).form(trashed=True)
    office.form(HOUSE).form(active=False)
    code, lines, err = office.run("sync", "--mode", "exact")
    assert (code, len(lines)) == (2, 2)
    assert err.startswith("error: visits: ") and err.endswith("Its tables stay as they are.\n")
    assert any(line.startswith("household: ") and "archived" in line for line in lines)
    assert office.counts() == {"household": 12, "notes": 5, "visits": 30}
    office.write(f"discover: {{exclude: [{VISIT}]}}")
    assert office.run("sync")[0] == 0
    assert office.counts()["visits"] == 30


@ON_ONE_DATABASE
@pytest.mark.parametrize("file", ["discover: all", f"forms: [{{uid: {HOUSE}}}]"])
def test_with_the_address_of_another_server_no_form_is_let_go(office: Office, file: str) -> None:
    office.write("discover: all")
    assert office.run("sync")[0] == 0
    office.write(file)
    with socket.create_server(("127.0.0.1", 0)) as free:
        elsewhere = f"http://127.0.0.1:{free.getsockname()[1]}"
    for wrong in (elsewhere, office.server.url.replace("127.0.0.1", "localhost")):
        office.set(KOBO_URL=wrong)
        office.run("sync")
        assert lets_go(office) == set()
    office.set(KOBO_URL=office.server.url)
    office.run("sync")
    assert lets_go(office) == (set() if file == "discover: all" else {"visits", "notes"})


@ON_ONE_DATABASE
@pytest.mark.parametrize("how", ["another tag", "excluded", "named by another filter", "no discover"])
def test_a_form_that_no_longer_matches_is_let_go_and_keeps_its_tables(office: Office, how: str) -> None:
    for uid in (HOUSE, VISIT):
        office.form(uid).form(tag_string="mirror", owner="field_team")
    office.write("discover: {tag: mirror}")
    assert office.run("sync")[0] == 0
    assert lets_go(office) == set()
    if how == "another tag":
        office.form(VISIT).form(tag_string="other")
    elif how == "excluded":
        office.write(f"discover: {{tag: mirror, exclude: [{VISIT}]}}")
    elif how == "no discover":
        office.write(f"forms: [{{uid: {HOUSE}}}]")
    else:
        office.form(VISIT).form(owner="others")
        office.write("discover: {owner: field_team}")
    office.form(VISIT).create(1)
    office.form(HOUSE).create(1)
    code, lines, _ = office.run("sync")
    assert (code, len(lines)) == (0, 1)
    assert office.counts() == {"household": 13, "visits": 30}
    assert lets_go(office) == {"visits"}
    assert office.run("verify")[1][0].startswith("household: ")
    assert len(office.run("verify")[1]) == 1
    office.form(VISIT).form(tag_string="mirror", owner="field_team", active=False)
    office.write("discover: {tag: mirror}")
    assert len(office.run("sync")[1]) == 2
    assert office.counts()["visits"] == 31
    assert lets_go(office) == set()


@ON_ONE_DATABASE
def test_a_discovered_form_that_is_deleted_is_gone_whatever_the_filter(office: Office) -> None:
    office.form(VISIT).form(tag_string="mirror")
    office.form(NOTES).form(tag_string="mirror")
    office.write("discover: {tag: mirror}")
    for _ in range(2):
        assert office.run("sync")[0] == 0
    office.form(VISIT).form(trashed=True)
    for _ in range(2):
        code, lines, err = office.run("sync")
        assert (code, len(lines)) == (2, 1)
        assert err.startswith("error: visits: ")
        assert findings(office)["visits"][0] == SENTENCES["gone"]
    office.write(f"discover: {{tag: mirror, exclude: [{VISIT}]}}")
    assert office.run("sync")[0] == 0
    assert findings(office)["visits"][0] == SENTENCES["let_go"]


@ON_ONE_DATABASE
def test_a_form_that_was_named_and_left_the_account_is_let_go_with_its_line(office: Office) -> None:
    office.write(f"discover: {{tag: mirror}}\nforms: [{{uid: {VISIT}}}]")
    for _ in range(2):
        assert office.run("sync")[0] == 0
    office.form(VISIT).form(trashed=True)
    assert office.run("sync")[0] == 2
    office.write("discover: {tag: mirror}")
    assert office.run("sync")[0] == 0
    assert lets_go(office) == {"visits"}


def findings(office: Office) -> dict[str, list[str]]:
    return {one["form_table"]: one["findings"] for one in office.told("status")}


def lets_go(office: Office) -> set[str]:
    """The tables of the forms that are mirrored no longer."""
    return {table for table, said in findings(office).items() if SENTENCES["let_go"] in said}
