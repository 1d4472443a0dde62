"""``forms remove``: a form that is let go is posted no longer, and takes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from kobo_mirror.cli import removing
from kobo_mirror.config.deliveries import form_endpoint
from kobo_mirror.kobo.accounts import Accounts
from kobo_mirror.store.tables import dead_letters, registrations, sync_runs
from kobo_mirror.sync.receive import Accepted, Refusal, Refused
from kobo_mirror.sync.receive_by_path import PathReceivers
from tests.end_to_end.test_cli_forms import typed
from tests.end_to_end.test_register_many_forms import FORMS, client, hooks, registering, wanted
from tests.support.forms.office import HOUSE, IMPATIENT, NOTES, VISIT, Office
from tests.support.tables import run_sql
from tests.support.terminal import ENDPOINT

__all__ = ["registering"]
ON_ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
OWN = form_endpoint(ENDPOINT, VISIT)
UNKNOWN = "aNoSuchForm00000000001"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removing, "Accounts", lambda **options: Accounts(**options | IMPATIENT))


@pytest.fixture
def registered(registering: Office) -> Office:
    """Three forms that are named, mirrored and registered."""
    registering.write("forms:\n" + "".join(f"- uid: {uid}\n" for uid in FORMS))
    assert registering.run("sync")[0] == registering.run("register-webhook")[0] == 0
    return registering


def remembered(office: Office, uid: str) -> list[str]:
    query = select(registrations.c.endpoint).where(registrations.c.asset_uid == uid)
    with office.engine.connect() as connection:
        return list(connection.scalars(query))


def letters(office: Office) -> int:
    with office.engine.connect() as connection:
        return len(connection.execute(select(dead_letters.c.id)).all())


def add_service(office: Office, endpoint: str) -> None:
    with client(office, VISIT) as asking:
        asking.create_hook(
            {
                "name": "of another",
                "endpoint": endpoint,
                "settings": {"custom_headers": {"X-Webhook-Secret": ""}},
            }
        )


@ON_ONE_DATABASE
@pytest.mark.parametrize("drop", [False, True])
def test_ours_is_taken_away_and_those_of_others_stay(
    registered: Office, drop: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = registered
    theirs = ["https://elsewhere.example/hook", form_endpoint(ENDPOINT, HOUSE), f"{ENDPOINT}/../other"]
    for endpoint in (*theirs, ENDPOINT):
        add_service(office, endpoint)
    typed(monkeypatch, "visits\n")
    code, lines, err = office.run("forms", "remove", VISIT, *(["--drop-tables"] if drop else []))
    assert (code, "error" in err) == (0, False)
    assert lines[:3] == [
        f"{VISIT} is no longer in kobo.yml",
        f"removed the REST Service that posted to {OWN}",
        f"removed the REST Service that posted to {ENDPOINT}",
    ]
    assert [endpoint for endpoint, *_ in hooks(office, VISIT)] == theirs
    assert hooks(office, HOUSE) == wanted(HOUSE)
    assert remembered(office, VISIT) == []
    assert remembered(office, HOUSE) != []
    assert office.run("sync")[0] == office.run("register-webhook")[0] == 0
    assert [endpoint for endpoint, *_ in hooks(office, VISIT)] == theirs


@ON_ONE_DATABASE
def test_the_address_that_was_registered_is_known_without_the_setting(registered: Office) -> None:
    registered.set(REAL_TIME_POST_ENDPOINT_URL=None)
    assert f"removed the REST Service that posted to {OWN}" in registered.run("forms", "remove", VISIT)[1]
    assert hooks(registered, VISIT) == []


@ON_ONE_DATABASE
@pytest.mark.parametrize("kind", ["may not edit", "401", "503", "no token", "gone"])
def test_where_the_server_refuses_a_person_is_told_and_the_form_is_removed(
    registered: Office, kind: str
) -> None:
    office = registered
    if kind == "may not edit":
        rights = ["view_asset", "view_submissions"]
        office.server.control.user(office.server.token, "a_viewer", rights)
    elif kind == "no token":
        office.set(KOBO_TOKEN=None)
    elif kind == "gone":
        office.form(VISIT).form(trashed=True)
    else:
        office.faults.add(kind, count=None, path="hooks")
    code, lines, err = office.run("forms", "remove", VISIT)
    assert f"{VISIT} is no longer in kobo.yml" in lines
    assert VISIT not in Path("kobo.yml").read_text()
    said = "\n".join(lines) if kind == "gone" else err
    assert f"remove the REST Service that posts to {ENDPOINT} or {OWN} in KoboToolbox" in said
    assert (code, err.count("\n")) == ((0, 0) if kind == "gone" else (1, 1))
    assert remembered(office, VISIT) == [OWN]
    office.set(KOBO_TOKEN=office.server.token)
    office.faults.clear()
    if kind not in ("may not edit", "gone"):
        assert office.run("forms", "remove", VISIT)[1][0] == f"removed the REST Service that posted to {OWN}"


@ON_ONE_DATABASE
def test_without_the_database_a_person_is_told_what_was_left(registered: Office) -> None:
    office = registered
    url = str(office.engine.url)
    office.set(DATABASE_URL=None)
    code, lines, err = office.run("forms", "remove", VISIT)
    assert (code, lines) == (1, [f"{VISIT} is no longer in kobo.yml"])
    assert f"run forms remove {VISIT} again" in err
    office.set(DATABASE_URL=url)
    assert office.run("forms", "remove", VISIT)[1][0] == f"removed the REST Service that posted to {OWN}"


def test_before_the_first_sync_nothing_is_left_of_a_form(office: Office) -> None:
    office.write(f"forms:\n- {{uid: {VISIT}, table: visits}}\n")
    told = [f"{VISIT} is no longer in kobo.yml", "the database has no tables of it"]
    assert office.run("forms", "remove", VISIT) == (0, told, "")


def test_tables_of_an_earlier_version_are_no_reason_to_forget_a_rest_service(registered: Office) -> None:
    office = registered
    run_sql(office.engine, "UPDATE kobo_alembic_version SET version_num = '0020'")
    before = Path("kobo.yml").read_text()
    code, lines, err = office.run("forms", "remove", VISIT)
    assert (code, lines, err.count("error: ")) == (1, [], 1)
    assert "python -m kobo_mirror migrate" in err
    assert Path("kobo.yml").read_text() == before
    assert office.run("migrate")[0] == 0
    assert f"removed the REST Service that posted to {OWN}" in office.run("forms", "remove", VISIT)[1]


@ON_ONE_DATABASE
@pytest.mark.parametrize("lost", ["kobo_registrations", "kobo_leases", "kobo_tables"])
def test_a_lost_table_is_no_reason_to_forget_a_form(registered: Office, lost: str) -> None:
    office = registered
    before = Path("kobo.yml").read_text()
    run_sql(office.engine, f"DROP TABLE {lost}")
    code, lines, err = office.run("forms", "remove", VISIT)
    assert (code, lines, err.count("error: ")) == (1, [], 1)
    assert lost in err
    assert Path("kobo.yml").read_text() == before


@ON_ONE_DATABASE
def test_an_entry_has_the_tables_of_its_uid_where_the_server_is_spelt_otherwise(registered: Office) -> None:
    office = registered
    office.write(f"forms:\n- {{uid: {VISIT}, table: visits}}\n- uid: {HOUSE}\n")
    office.set(KOBO_URL=office.server.url.replace("127.0.0.1", "localhost"))
    lines = office.run("forms", "remove", "visits")[1]
    assert f"{VISIT} is no longer in kobo.yml" in lines
    assert "its tables stay: visits and those whose names start with visits__" in lines
    office.set(KOBO_URL=office.server.url)
    assert office.run("forms", "remove", VISIT)[0] == 0
    assert hooks(office, VISIT) == []


@pytest.mark.parametrize("drop", [False, True])
def test_a_delivery_of_a_removed_form_is_refused_and_recovered(
    office: Office, drop: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.run("forms", "--write")
    assert office.run("sync")[0] == 0
    receivers = PathReceivers(office.engine, "rejected")
    (first,) = office.form(VISIT).create(1)
    assert isinstance(receivers.receive(VISIT, raw(office, first)), Accepted)
    typed(monkeypatch, "visits\n")
    assert office.run("forms", "remove", VISIT, *(["--drop-tables"] if drop else []))[0] == 0
    (second,) = office.form(VISIT).create(1)
    for each in (receivers, PathReceivers(office.engine, "rejected")):
        outcome = each.receive(VISIT, raw(office, second))
        assert isinstance(outcome, Refused)
        assert outcome.why is Refusal.LET_GO
    assert letters(office) == 0
    office.run("forms", "add", VISIT)
    assert office.run("sync")[0] == 0
    office.check()
    assert isinstance(receivers.receive(VISIT, raw(office, second)), Accepted)


def raw(office: Office, kobo_id: int) -> bytes:
    """A submission as KoboToolbox posts it."""
    (row,) = office.form(VISIT).rows([kobo_id])
    return json.dumps(row).encode()


@ON_ONE_DATABASE
def test_a_removed_form_is_told_by_its_light(registered: Office) -> None:
    office = registered
    office.run("forms", "remove", VISIT)
    (visits,) = (one for one in office.told("status") if one["form_table"] == "visits")
    assert visits["light"] == "amber"
    assert any("is mirrored no longer" in said for said in visits["findings"])
    assert "forms remove UID" in visits["next"]
    office.run("forms", "add", VISIT)
    office.run("sync")
    (visits,) = (one for one in office.told("status") if one["form_table"] == "visits")
    assert not any("is mirrored no longer" in said for said in visits["findings"])


def unread(office: Office) -> set[str]:
    with office.engine.connect() as connection:
        return set(connection.scalars(select(sync_runs.c.asset_uid))) - set(office.tables())


@ON_ONE_DATABASE
@pytest.mark.parametrize("how", ["by its line", "after its line", "by the next round"])
def test_a_uid_that_never_was_leaves_no_row(office: Office, how: str) -> None:
    office.write(f"forms:\n- uid: {NOTES}\n- uid: {UNKNOWN}\n")
    assert office.run("sync")[0] == 2
    assert unread(office) == {UNKNOWN}
    if how != "by its line":
        office.write(f"forms:\n- uid: {NOTES}\n")
    if how == "by the next round":
        assert office.run("sync")[0] == 0
    else:
        code, lines, err = office.run("forms", "remove", UNKNOWN)
        assert (code, err) == (0, "")
        assert lines[-1] == "it was never read: that its syncs failed is forgotten"
    assert unread(office) == set()
    assert office.counts() == {"notes": 5}
    assert UNKNOWN not in Path("kobo.yml").read_text()


@ON_ONE_DATABASE
def test_a_failure_stays_while_the_form_is_named_or_the_account_cannot_be_listed(office: Office) -> None:
    office.write(f"discover: all\nforms:\n- uid: {UNKNOWN}\n")
    office.run("sync")
    office.run("sync", "--form", "notes")
    assert unread(office) == {UNKNOWN}
    office.write("discover: all\n")
    office.faults.add("503", count=None, path=r"assets/\?")
    office.run("sync")
    assert unread(office) == {UNKNOWN}
    office.faults.clear()
    office.run("sync")
    assert unread(office) == set()
