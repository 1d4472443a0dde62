"""Forms of two servers in one database, among them one uid that both have: two forms, two keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kobo_mirror.kobo.accounts import Accounts
from simulator.process import SimulatorProcess
from tests.support.forms.many_mirrors import one_database
from tests.support.forms.office import HOUSE, NOTES, VISIT, Office, serve_forms


@pytest.fixture(scope="module")
def other_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    with serve_forms(tmp_path_factory.mktemp("others"), token="5eed0000other0token") as running:
        yield running


@pytest.fixture
def other(other_process: SimulatorProcess, office: Office) -> SimulatorProcess:
    other_process.control.reset()
    office.set(OTHER_TOKEN=other_process.token)
    office.write(
        f"forms:\n  - {{uid: {NOTES}, table: notes}}\n  - uid: {VISIT}\n"
        f"  - {{uid: {VISIT}, table: theirs, server: '{other_process.url}', token: OTHER_TOKEN}}\n"
        f"  - {{uid: {HOUSE}, server: '{other_process.url}', token: '${{OTHER_TOKEN}}'}}\n"
    )
    return other_process


def check(office: Office, other: SimulatorProcess) -> None:
    with Accounts() as accounts:
        for process, keys in ((office.server, (NOTES, VISIT)), (other, (f"{VISIT}~2", HOUSE))):
            account = accounts.account(process.url, process.token)
            for one in one_database(process, account, office.engine, keys):
                assert one.found() == one.wanted()


def test_one_uid_of_two_servers_is_two_forms(office: Office, other: SimulatorProcess) -> None:
    assert office.run("sync")[0] == 0
    assert office.tables() == {
        NOTES: "notes", VISIT: "visits", f"{VISIT}~2": "theirs", HOUSE: "household",
    }  # fmt: skip
    office.form(VISIT).create(3)
    office.form(VISIT).delete(office.form(VISIT).ids()[0])
    theirs = other.control.of(VISIT)
    theirs.validate(theirs.ids()[1], "approved")
    theirs.delete(theirs.ids()[0])
    code, lines, _ = office.run("sync", "--mode", "exact")
    assert code == 0
    assert {line.partition(":")[0] for line in lines} == {"notes", "visits", "theirs", "household"}
    check(office, other)
    code, lines, _ = office.run("verify", "--full")
    assert code == 0
    assert "theirs: mirror equals source: 29 submissions, 0 differences" in lines
    assert "visits: mirror equals source: 32 submissions, 0 differences" in lines
    assert office.run("plan")[0] == 0
    assert f"uid: {VISIT}~2" in Path("names.lock.yml").read_text()
    for pick, table in ((f"{VISIT}~2", "theirs"), (VISIT, "visits"), ("theirs", "theirs")):
        (line,) = office.run("verify", "--form", pick)[1]
        assert line.startswith(f"{table}: ")
    assert office.run("sync")[0] == 0


def test_the_first_server_being_away_stops_only_its_forms(office: Office, other: SimulatorProcess) -> None:
    assert office.run("sync")[0] == 0
    office.faults.add("503", count=None, path="assets")
    other.control.of(VISIT).create(1)
    code, lines, err = office.run("sync")
    assert code == 1
    assert {line.partition(":")[0] for line in lines} == {"theirs", "household"}
    assert err.count("error: ") == 2
    office.faults.clear()
    assert office.run("sync")[0] == 0
    check(office, other)


def test_a_key_stays_when_the_first_form_is_dropped(
    office: Office, other: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert office.run("sync")[0] == 0
    monkeypatch.setattr("builtins.input", lambda: "visits")
    code, lines, err = office.run("forms", "remove", VISIT, "--drop-tables")
    assert (code, err.count("Type the name of the table")) == (0, 1)
    assert lines[-1] == "dropped: visits__files, visits"
    assert set(office.tables().values()) == {"notes", "theirs", "household"}
    assert office.run("sync")[0] == 0
    assert office.tables()[f"{VISIT}~2"] == "theirs"
    assert office.run("verify")[0] == 0


def test_the_form_that_is_meant_is_taken_out_of_the_file(office: Office, other: SimulatorProcess) -> None:
    for pick, line in (("theirs", 4), (VISIT, 3)):
        before = Path("kobo.yml").read_text().splitlines()
        assert office.run("forms", "remove", pick)[0] == 0
        assert Path("kobo.yml").read_text().splitlines() == [*before[: line - 1], *before[line:]]
    assert office.run("sync")[0] == 0
    assert set(office.tables().values()) == {"notes", "household"}
