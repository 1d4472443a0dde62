"""A command that makes no tables makes no file either, where DATABASE_URL names one that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.mirroring import Mirroring
from tests.support.terminal import WEBHOOK, Terminal

READING = (
    ["status"],
    ["status", "--json"],
    ["codebook"],
    ["export", "--to", "h.zip"],
    ["verify"],
    ["replay"],
    ["apply", "a1b2c3"],
)


@pytest.fixture
def terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, embedded: Mirroring
) -> Terminal:
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    terminal = Terminal(capsys, monkeypatch)
    terminal.set_as_in_env_file(embedded)
    terminal.set(DATABASE_URL="sqlite:///typo.db", **WEBHOOK)
    return terminal


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_command_that_only_reads_says_so(terminal: Terminal, command: list[str]) -> None:
    code, out, err = terminal.run(*command)
    said = "error: There is no file typo.db, which DATABASE_URL names: check the address, or start a sync,"
    assert (code > 0, out, err) == (True, "", f"{said} which makes it.\n")
    assert [*Path().iterdir()] == []


def test_forms_are_listed_before_there_is_a_database(terminal: Terminal) -> None:
    code, out, _ = terminal.run("forms")
    assert (code, "1 forms at" in out) == (0, True)
    assert [*Path().iterdir()] == []


def test_a_sync_makes_it(terminal: Terminal) -> None:
    assert terminal.run("sync")[0] == 0
    assert terminal.run("status")[0] == 0
