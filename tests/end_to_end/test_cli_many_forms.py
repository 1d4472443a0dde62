"""The command line with ``kobo.yml`` for many forms: each is named, and one that fails stops no other."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from kobo_mirror.database.engine import reading
from kobo_mirror.store.tables import codes
from tests.support.forms.any_mirror import uid_of
from tests.support.forms.office import HOUSE, NOTES, SEVEN, TEN, VISIT, Office
from tests.support.terminal import WEBHOOK

ALL = f"""\
forms:
  - uid: {HOUSE}
    table: households
  - {{uid: {VISIT}, table: visits}}
  - uid: {NOTES}
"""
ALL_TEN = ALL + "".join(f"  - uid: {uid_of(name)}\n" for name in SEVEN)


def test_all_forms_are_synced_proven_and_told_by_name(office: Office) -> None:
    office.write(ALL)
    code, lines, err = office.run("sync")
    assert (code, err) == (0, "")
    assert {line.partition(":")[0] for line in lines} == {"households", "visits", "notes"}
    assert all(": success: " in line for line in lines)
    assert office.tables() == {HOUSE: "households", VISIT: "visits", NOTES: "notes"}
    assert office.counts() == {"households": 12, "visits": 30, "notes": 5}
    office.check()
    code, lines, _ = office.run("verify", "--full")
    assert code == 0
    assert sorted(lines) == [
        f"{table}: mirror equals source: {rows} submissions, 0 differences"
        for table, rows in {"households": 12, "notes": 5, "visits": 30}.items()
    ]
    assert sorted(one["form_table"] for one in office.told("status")) == ["households", "notes", "visits"]
    code, lines, _ = office.run("status")
    assert code == 0
    assert [line.split()[-1] for line in lines if line.strip().startswith("form table")] == [
        "households", "notes", "visits",
    ]  # fmt: skip
    assert {one["table"]: one["inserted"] for one in office.told("sync")} == dict.fromkeys(
        ("households", "visits", "notes"), 0
    )
    assert {one["asset_uid"]: one["equal"] for one in office.told("verify")} == {
        HOUSE: True, VISIT: True, NOTES: True,
    }  # fmt: skip
    code, lines, _ = office.run("replay")
    assert (code, len(lines)) == (0, 3)
    code, lines, _ = office.run("plan")
    assert code == 0
    assert all(line.partition(":")[0] in ("households", "visits", "notes") for line in lines)
    assert Path("names.lock.yml").read_text().count("- uid: ") == 3


def test_one_form_is_picked_by_its_table_or_uid(office: Office) -> None:
    office.write(ALL)
    assert office.run("sync", "--form", "households")[0] == 0
    assert office.run("sync", "--form", NOTES)[0] == 0
    assert office.tables() == {HOUSE: "households", NOTES: "notes"}
    code, lines, _ = office.run("verify", "--form", "notes")
    assert (code, lines) == (0, ["notes: mirror equals source: 5 submissions, 0 differences"])
    (one,) = office.told("status", "--form", "households")
    assert one["submissions"] == 12
    for command in ("sync", "verify", "plan", "replay"):
        code, lines, err = office.run(command, "--form", "nothing")
        assert (code, lines) == (2, [])
        assert err.startswith("error: No form that is mirrored has the table or the uid given with --form.")
        assert "households" in err
    assert office.run("status", "--form", "nothing")[0] == 2


@pytest.mark.parametrize("office_server", [TEN], indirect=True, ids=["ten"])
def test_a_form_whose_every_page_is_a_500_stops_none_of_nine_others(office: Office) -> None:
    nine = {"households", "notes", *SEVEN}
    office.write(ALL_TEN)
    office.faults.add("500", count=None, path=rf"{VISIT}/data\.json")
    code, lines, err = office.run("sync")
    assert code == 1
    assert {line.partition(":")[0] for line in lines} == nine
    assert err.startswith("error: visits: ") and "500" in err
    assert office.run("verify")[0] == 2
    office.faults.clear()
    assert office.run("sync")[0] == 0
    office.faults.add("500", count=None, path=rf"{VISIT}/data\.json")
    office.form(NOTES).create(2)
    code, lines, err = office.run("sync", "--mode", "exact")
    assert code == 1
    assert {line.partition(":")[0] for line in lines} == nine
    assert "Its tables stay as they are." in err
    assert office.counts() == SEVEN | {"households": 12, "visits": 30, "notes": 7}
    office.faults.clear()
    assert office.run("sync", "--mode", "exact")[0] == 0
    office.check()


@pytest.mark.parametrize("kind", ["401", "404", "503", "deleted"])
def test_a_form_that_the_server_no_longer_shows_keeps_its_rows(office: Office, kind: str) -> None:
    office.write(ALL)
    assert office.run("sync")[0] == 0
    office.form(NOTES).create(1)
    if kind == "deleted":
        office.form(VISIT).form(trashed=True)
    else:
        office.faults.add(kind, count=None, path=VISIT)
    for command in (("sync", "--mode", "exact"), ("verify",)):
        code, lines, err = office.run(*command)
        assert code == (1 if kind == "503" and command[0] == "sync" else 2)
        assert {line.partition(":")[0] for line in lines} == {"households", "notes"}
        assert err.startswith("error: visits: ") and err.endswith("Its tables stay as they are.\n")
        assert err.count("error: ") == 1
    assert office.counts() == {"households": 12, "visits": 30, "notes": 6}
    (visits,) = (one for one in office.told("status") if one["form_table"] == "visits")
    light = "amber" if kind in ("404", "deleted") else "red"
    assert (visits["light"], visits["waiting_deletes"]) == (light, None)
    is_gone = any("no longer shows this form" in finding for finding in visits["findings"])
    assert (is_gone, "forms remove" in visits["next"]) == (light == "amber",) * 2
    assert {one["light"] for one in office.told("status") if one != visits} <= {"green", "amber"}
    office.faults.clear()
    office.form(VISIT).form(trashed=False)
    assert office.run("sync", "--mode", "exact")[0] == 0
    office.check()


def test_a_form_that_was_never_read_says_why(office: Office) -> None:
    office.write(ALL)
    office.form(VISIT).form(trashed=True)
    assert office.run("sync")[0] == 2
    visits, *others = sorted(office.told("status"), key=lambda one: one["form_table"] != "visits")
    assert (visits["mirrors"], visits["light"]) == (f"form {VISIT}", "red")
    assert f"shows no form '{VISIT}'" in visits["error"]
    assert [one["error"] for one in others] == [None, None]
    assert len(office.told("status", "--form", VISIT)) == 1
    office.write(f"{ALL}    token: lower_case\n")
    code, lines, err = office.run("status", "--json")
    assert (code, len(lines)) == (2, 2)
    assert err.startswith("error: kobo.yml, line 6: secrets do not belong into this file")


def test_an_archived_form_is_named_and_stays_exact(office: Office) -> None:
    office.write(ALL)
    office.form(VISIT).form(active=False)
    code, lines, _ = office.run("sync")
    assert code == 0
    (visits,) = (line for line in lines if line.startswith("visits: "))
    assert visits.endswith("; the form is archived in KoboToolbox, and takes no submissions")
    office.check()


def test_known_forms_come_before_new_ones_and_small_ones_before_large_ones(office: Office) -> None:
    office.set(KOBO_PAGE_SIZE="5")
    office.write(f"forms: [{{uid: {VISIT}}}, {{uid: {NOTES}}}]")
    assert office.run("sync")[0] == 0
    office.write(ALL)
    office.server.control.clear_requests()
    assert office.run("sync")[0] == 0
    assert office.asked() == [NOTES, VISIT, HOUSE]
    office.run("sync", "--form", HOUSE)
    office.server.control.clear_requests()
    assert office.run("sync")[0] == 0
    assert office.asked() == [NOTES, HOUSE, VISIT]


def test_the_form_of_the_environment_and_those_of_the_file(office: Office) -> None:
    office.set(KOBO_ASSET_ID=HOUSE)
    assert office.run("sync")[0] == 0
    assert office.tables() == {HOUSE: "household"}
    office.write(f"forms: [{{uid: {VISIT}}}]")
    code, lines, _ = office.run("sync")
    assert (code, len(lines)) == (0, 2)
    assert office.tables() == {HOUSE: "household", VISIT: "visits"}
    office.check()
    Path("kobo.yml").unlink()
    code, lines, _ = office.run("sync")
    assert (code, len(lines)) == (0, 1)
    assert lines[0].startswith("success: ")
    office.set(KOBO_ASSET_ID=NOTES)
    code, lines, err = office.run("sync")
    assert (code, lines) == (1, [])
    assert "use another database" in err


def test_a_code_names_its_form(office: Office) -> None:
    office.write(ALL)
    office.run("sync")
    ids = office.form(VISIT).ids()
    office.form(VISIT).delete(ids[:20])
    code, lines, err = office.run("sync", "--mode", "exact")
    assert (code, len(lines)) == (1, 2)
    with reading(office.engine) as connection:
        code_of_list = connection.scalar(select(codes.c.code))
    assert code_of_list and code_of_list in err
    assert office.run("sync", "--confirm-deletes", "0" * 12)[0] == 2
    assert office.run("sync", "--confirm-deletes", code_of_list, "--form", "notes")[0] == 2
    office.form(NOTES).create(1)
    code, lines, _ = office.run("sync", "--mode", "exact", "--confirm-deletes", code_of_list)
    assert (code, [line.partition(":")[0] for line in lines]) == (0, ["visits"])
    assert office.counts()["visits"] == 10
    code, _, err = office.run("sync", "--since", "1")
    assert (code, "--form" in err) == (2, True)
    assert office.run("sync", "--since", "1", "--form", "notes")[0] == 0
    assert "--form" in office.run("replay", "rejections", "--id", "1")[2]


def test_a_malformed_file_is_one_sentence_and_begins_nothing(office: Office) -> None:
    office.write(f"{ALL}  - {{uid: aYetAnotherForm0000001, table: visits}}\n")
    for command in ("sync", "verify", "plan", "replay", "apply x"):
        assert office.run(*command.split()) == (
            2, [], "error: kobo.yml, line 6: two forms ask for the table visits: this one and that of line "
            "4; give each its own.\n",
        )  # fmt: skip
    office.write(f"{ALL}    token: OTHER_TOKEN\n")
    code, lines, err = office.run("sync")
    assert (code, len(lines)) == (2, 2)
    assert err.startswith(
        f"error: {NOTES}: kobo.yml, line 6: the environment variable OTHER_TOKEN is not set."
    )
    office.set(OTHER_TOKEN="not-the-right-one")
    code, lines, err = office.run("sync")
    assert (code, len(lines)) == (2, 2)
    assert "was refused" in err and "not-the-right-one" not in err
    office.set(KOBO_TOKEN=None, OTHER_TOKEN=None)
    assert "KOBO_TOKEN is not set" in office.run("sync")[2]


def test_a_form_without_its_token_is_red_alone_and_a_malformed_file_makes_all_red(office: Office) -> None:
    def red() -> set[str]:
        return {one["form_table"] for one in office.told("status") if one["light"] == "red"}

    office.write(ALL)
    assert (office.run("sync")[0], red()) == (0, set())
    office.write(f"{ALL}    token: OTHER_TOKEN\n")
    assert (office.run("sync")[0], red()) == (2, {"notes"})
    office.write(ALL)
    assert (office.run("sync")[0], red()) == (0, set())
    office.write("forms: 7\n")
    assert office.run("sync")[0] == 2
    office.write(ALL)
    assert red() == {"households", "visits", "notes"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_sentence_names_what_must_be_changed(office: Office) -> None:
    office.set(OTHER_TOKEN=office.server.token)
    office.write(f"token: OTHER_TOKEN\nforms:\n- uid: {HOUSE}\n")
    assert office.run("sync")[0] == 0
    office.set(KOBO_TOKEN=None, OTHER_TOKEN="wrong")
    for command in ("sync", "verify", "forms"):
        err = office.run(command)[2]
        assert "OTHER_TOKEN was refused" in err and "KOBO_TOKEN" not in err, command
    (facts,) = office.told("status")
    assert "OTHER_TOKEN was refused" in facts["error"]
    office.set(OTHER_TOKEN=office.server.token)
    office.write(
        f"server: {office.server.url}\ntoken: OTHER_TOKEN\nforms:\n- uid: {HOUSE}\n"
        "- uid: aNoSuchForm00000000001\n"
    )
    err = office.run("sync")[2]
    assert "(uid in kobo.yml, line 5, server in kobo.yml), or OTHER_TOKEN belongs to" in err
    office.write("token: OTHER_TOKEN\ndiscover: all\n")
    assert office.run("sync")[0] == 0
    office.form(HOUSE).form(trashed=True)
    err = office.run("sync")[2]
    assert "(discover in kobo.yml, KOBO_URL), or OTHER_TOKEN belongs to" in err
    rights = ["view_asset", "view_submissions"]
    office.server.control.user(office.server.token, "a_viewer", rights)
    office.set(**WEBHOOK)
    err = office.run("register-webhook", "--form", "visits")[2]
    assert "let the account of OTHER_TOKEN edit the form" in err
    office.write(f"forms:\n- uid: {VISIT}\n  server: {office.server.url}\n  connection: kobo_eu\n")
    assert "the account is a connection of Airflow" in office.run("sync")[2]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_before_the_first_form_only_what_is_lacking_is_asked_for(office: Office) -> None:
    office.run("migrate")
    assert "set KOBO_URL, KOBO_TOKEN and KOBO_ASSET_ID" in office.told("status")[0]["next"]
    office.write("discover: all\n")
    assert "KOBO_ASSET_ID" not in office.told("status")[0]["next"]
