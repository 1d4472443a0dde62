"""The command line: what it prints, and its exit codes (0 done, 1 failed or drift, 2 could not be tried)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from kobo_mirror.cli.arguments import parser_of
from kobo_mirror.store.leases import take_lease
from kobo_mirror.store.tables import registrations
from tests.support.mirroring import Mirroring
from tests.support.tables import records, rows_of
from tests.support.terminal import ENDPOINT, Terminal

COMMANDS = (
    "migrate",
    "sync",
    "plan",
    "apply",
    "verify",
    "status",
    "replay",
    "register-webhook",
    "forms",
    "run",
    "export",
    "codebook",
)


def test_sync_verify_and_status(terminal: Terminal, ready: Mirroring) -> None:
    assert terminal.run("migrate") == (0, "the database has the newest tables\n", "")
    code, out, _ = terminal.run("verify", "--full")
    assert (code, out) == (2, "")
    code, out, _ = terminal.run("sync")
    assert code == 0
    assert out.startswith("success: 300 new in ")
    code, out, _ = terminal.run("verify", "--full")
    assert (code, out) == (0, "mirror equals source: 300 submissions, 0 differences\n")
    code, out, _ = terminal.run("status", "--json")
    facts = json.loads(out)
    assert (code, facts["submissions"], facts["rejected"], facts["to_fetch"]) == (0, 300, 0, 0)
    assert facts["mirrors"] == f"form {ready.mirror.asset_uid} of {ready.mirror.server}"
    code, out, _ = terminal.run("status")
    assert code == 0
    assert "300" in out


def test_drift_is_exit_code_1_and_names_what_differs(terminal: Terminal, ready: Mirroring) -> None:
    terminal.run("sync")
    first, second, third = sorted(records(ready.engine))[:3]
    with ready.engine.begin() as connection:
        connection.execute(text(f"DELETE FROM kobo_records WHERE kobo_id = {first}"))  # a number
        connection.execute(
            text(f"UPDATE kobo_records SET age = age + 1 WHERE kobo_id = {second}")
        )  # a number
    ready.simulator.control.edit(third, cd_age="77")
    code, out, _ = terminal.run("verify", "--full")
    assert code == 1
    assert out.splitlines() == [
        f"missing: {first}",
        f"stale: {third}",
        f"different: {second}",
        "mirror differs from source: 300 submissions, 3 differences (1 missing, 1 stale, 1 different); "
        "`python -m kobo_mirror verify --full --repair` mends it",
    ]
    code, out, _ = terminal.run("verify", "--full", "--json")
    found = json.loads(out)
    assert (code, found["equal"], found["ids"]["stale"]) == (1, False, [third])
    assert terminal.run("verify", "--full", "--repair")[0] == 0
    assert terminal.run("verify", "--full")[0] == 0


def test_drift_names_the_repair_that_finds_it_again(terminal: Terminal, embedded_ready: Mirroring) -> None:
    terminal.run("sync")
    (first, *_) = records(embedded_ready.engine)
    for options in ([], ["--full"]):
        with embedded_ready.engine.begin() as connection:
            connection.execute(text(f"DELETE FROM kobo_records WHERE kobo_id = {first}"))  # a number
        code, out, _ = terminal.run("verify", *options)
        assert code == 1
        command = re.findall(r"; `python -m kobo_mirror (verify .*)` mends it\n$", out)
        assert command == [" ".join(["verify", *options, "--repair"])]
        code, out, _ = terminal.run(*command[0].split())
        assert (code, "mends it" in out) == (0, False)


def test_a_rejection_is_no_drift_unless_asked_for_strictly(
    terminal: Terminal, embedded_ready: Mirroring
) -> None:
    control = embedded_ready.simulator.control
    control.edit(control.ids()[0], cd_age="abc")
    control.age_history(seconds=600)
    code, out, _ = terminal.run("sync")
    assert code == 0
    assert out.startswith("success, with 1 rejected: 299 new in ")
    code, out, _ = terminal.run("verify")
    assert (code, out) == (0, "mirror equals source: 300 submissions, 0 differences, 1 rejected\n")
    for options in (["--strict"], ["--strict", "--full"], ["--strict", "--repair"]):
        code, out, _ = terminal.run("verify", *options)
        assert (code, out) == (
            1,
            "mirror equals source: 300 submissions, 0 differences, 1 rejected; "
            "--strict counts a rejection as a difference: exit code 1\n",
        )
    for options, passed in (([], True), (["--strict"], False)):
        code, out, _ = terminal.run("verify", "--json", *options)
        found = json.loads(out)
        assert (found["equal"], found["passed"], code) == (True, passed, int(not passed))
    code, out, _ = terminal.run("status", "--json")
    (rejection,) = json.loads(out)["rejections"]
    assert rejection[1] == "age: the answer to sec_c/cd_age is not a whole number"


def test_what_is_not_set_is_one_sentence(terminal: Terminal, embedded_ready: Mirroring) -> None:
    terminal.set(DATABASE_URL=None, KOBO_TOKEN="", KOBO_ASSET_ID=None)
    for command in ("sync", "verify", "run", "register-webhook"):
        code, out, err = terminal.run(command)
        assert (code, out) == (2, "")
        assert err.startswith("error: DATABASE_URL is not set; KOBO_TOKEN is not set; KOBO_ASSET_ID is not")
        assert "`python -m kobo_mirror forms add UID` names one there" in err
        assert err.endswith("`set -a; . ./.env; set +a`.\n")
    for command in ("migrate", "status"):
        code, out, err = terminal.run(command)
        assert (code, out) == (2, "")
        assert err.startswith("error: DATABASE_URL is not set. ")


def test_a_webhook_without_secret_is_refused(terminal: Terminal, embedded_ready: Mirroring) -> None:
    terminal.set(WEBHOOK_SECRET=None)
    for command in ("register-webhook", "run"):
        code, _, err = terminal.run(command)
        assert (code, err[:33]) == (2, "error: WEBHOOK_SECRET is not set.")


@pytest.mark.parametrize(
    ("name", "value"),
    [("WEBHOOK_BIND", "foo"), ("WEBHOOK_BIND", "127.0.0.1:65536"), ("WEB_CONCURRENCY", "many")],
)
def test_a_webhook_that_cannot_start_is_told_before_anything_is_done(
    terminal: Terminal, embedded_ready: Mirroring, name: str, value: str
) -> None:
    terminal.set(**{name: value})
    embedded_ready.simulator.control.clear_requests()
    code, out, err = terminal.run("run")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"error: {name} must ")
    assert embedded_ready.simulator.control.requests() == []


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"KOBO_TOKEN": "wrong"}, 2, "error: KOBO_TOKEN was refused by "),
        ({"KOBO_TOKEN": "5eed0000demo0000of0another0user000000000"}, 2, "shows no form "),
        ({"KOBO_ASSET_ID": "aNoSuchForm000000000001"}, 2, "shows no form 'aNoSuchForm000000000001'"),
        (
            {"DATABASE_URL": "mysql+pymysql://nobody:s3cret@127.0.0.1:1/kobo"},
            1,
            "it cannot be reached: is it running, and are host and port right? (2003).",
        ),
        (
            {"DATABASE_URL": "sqlite:////nosuchfolder/mirror.sqlite"},
            1,
            "SQLite says 'unable to open database file': make its folder",
        ),
    ],
)
def test_what_is_set_wrongly_is_one_clear_error(
    terminal: Terminal, embedded_ready: Mirroring, change: dict[str, str], code: int, said: str
) -> None:
    terminal.set(**change)
    found, out, err = terminal.run("sync")
    assert (found, out) == (code, "")
    last = err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert said in last
    assert "s3cret" not in err
    assert "Traceback" not in err
    assert terminal.run("verify")[0] == 2


@pytest.mark.parametrize(
    "change", [{"KOBO_ASSET_ID": "aAnotherForm00000000001"}, {"KOBO_URL": "https://another.example:8443"}]
)
def test_the_database_mirrors_another_form(
    terminal: Terminal, embedded_ready: Mirroring, change: dict[str, str]
) -> None:
    terminal.run("sync")
    embedded_ready.simulator.control.clear_requests()
    terminal.set(**change)
    ours, theirs = embedded_ready.mirror, {"KOBO_ASSET_ID": embedded_ready.mirror.asset_uid} | change
    said = (
        f"error: The table kobo_records mirrors form {ours.asset_uid} of {ours.server}, not "
        f"{theirs['KOBO_ASSET_ID']} of {theirs.get('KOBO_URL', ours.server)}: set KOBO_URL and KOBO_ASSET_ID "
        "back, or use another database.\n"
    )
    for command, code in (("sync", 1), ("register-webhook", 1), ("replay", 1), ("verify", 2)):
        assert terminal.run(command) == (code, "", said)
    assert embedded_ready.simulator.control.requests() == []


def test_a_sync_that_another_one_keeps_out(terminal: Terminal, embedded_ready: Mirroring) -> None:
    take_lease(embedded_ready.engine, embedded_ready.mirror.asset_uid, "scheduled__2026-11-23")
    code, out, err = terminal.run("sync")
    assert (code, out) == (1, "")
    assert "error: Sync scheduled__2026-11-23 holds this form since " in err


@pytest.mark.parametrize(
    "arguments", [["sync", "--since", "x"], ["sync", "--mode", "fast"], ["nosuchcommand"], []]
)
def test_a_command_that_does_not_exist(terminal: Terminal, arguments: list[str]) -> None:
    code, out, err = terminal.run(*arguments)
    assert (code, out) == (2, "")
    assert "usage: python -m kobo_mirror" in err


@pytest.mark.parametrize("value", ["new", "-1", "1.5", str(2**63), "9" * 5000])
@pytest.mark.parametrize("option", [("sync", "--since"), ("replay", "dead-letters", "--id")])
def test_an_id_that_no_row_can_have_is_refused(
    capsys: pytest.CaptureFixture[str], option: tuple[str, ...], value: str
) -> None:
    parser = parser_of(dict.fromkeys(COMMANDS, lambda options: 0))
    with pytest.raises(SystemExit) as refused:
        parser.parse_args([*option[:-1], f"{option[-1]}={value}"])
    assert refused.value.code == 2
    assert f"{option[-1]}: must be a whole number from 0 to 9223372036854775807" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["incremental", "usual"])
def test_an_incremental_sync_may_be_called_usual(name: str) -> None:
    parser = parser_of(dict.fromkeys(COMMANDS, lambda options: 0))
    assert parser.parse_args(["sync", "--mode", name]).mode == "incremental"


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("/opt/venv/bin/kobo-mirror", "kobo-mirror"),
        ("kobo-mirror.exe", "kobo-mirror"),
        ("/opt/kobo_mirror/__main__.py", "python -m kobo_mirror"),
    ],
)
def test_help_calls_it_as_it_was_started(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, program: str, name: str
) -> None:
    monkeypatch.setattr("sys.argv", [program])
    assert terminal.run("--help")[1].startswith(f"usage: {name} [-h]")
    assert terminal.run("sync", "--help")[1].startswith(f"usage: {name} sync [-h]")


def test_help_for_every_command(terminal: Terminal) -> None:
    code, out, _ = terminal.run("--help")
    assert code == 0
    for command in COMMANDS:
        assert f"\n    {command}" in out
        assert terminal.run(command, "--help")[0] == 0


def test_the_webhook_is_registered_once(terminal: Terminal, ready: Mirroring) -> None:
    code, out, _ = terminal.run("register-webhook")
    assert code == 0
    assert ready.simulator.control.stats()["hooks"] == 1
    code, again, _ = terminal.run("register-webhook")
    assert code == 0
    assert again != out
    assert ready.simulator.control.stats()["hooks"] == 1
    assert [row["endpoint"] for row in rows_of(ready.engine, registrations)] == [ENDPOINT]
    assert "s3cret-of-the-webhook" not in out + again


def test_json_is_json(terminal: Terminal, embedded_ready: Mirroring) -> None:
    code, out, _ = terminal.run("sync", "--json", "--mode", "exact")
    result: dict[str, Any] = json.loads(out)
    assert (code, result["inserted"], result["mode"]) == (0, 300, "exact")


def test_it_runs_as_a_module_and_shows_its_progress(embedded: Mirroring, tmp_path: Path) -> None:
    code, out, err = embedded.command("sync")
    assert code == 0
    assert out.startswith("success: 300 new in ")
    assert "Traceback" not in err
    code, out, err = embedded.command(
        "sync", "--since", "0", DATABASE_URL=f"sqlite:///{tmp_path / 'other.sqlite'}"
    )
    assert (code, out[:19]) == (0, "success: 300 new in"), err


def test_a_busy_server_is_told_of_once_a_try(embedded: Mirroring) -> None:
    """The form and its count are asked for at once."""
    embedded.simulator.control.faults.add("503", count=2)
    code, _, err = embedded.command("sync")
    assert (code, err.count(" is busy or down: it answered 503. Asking again in ")) == (0, 1), err
