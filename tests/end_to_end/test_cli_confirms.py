"""Deletes that wait, on the command line: how they are confirmed, and that no code does so by mistake."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.support.mirroring import Mirroring
from tests.support.tables import records
from tests.support.terminal import Terminal

NO_LIST = (
    "error: No list of deletes waits under the code that was given, so nothing was deleted, and nothing else "
    "begun: `python -m kobo_mirror status`, or the page, shows the code of a list that waits.\n"
)


def stopped(terminal: Terminal, mirroring: Mirroring, number: int = 30) -> list[str]:
    """Delete so many on the server and sync; returns the command that the sync says confirms them."""
    mirroring.simulator.control.delete(mirroring.simulator.control.ids()[:number])
    code, out, err = terminal.run("sync")
    assert (code, out) == (1, "")
    (command,) = re.findall(r"confirm this list on the page, or by `python -m kobo_mirror ([^`]+)`\.\n", err)
    return shlex.split(command)


def test_a_sync_that_stops_names_the_command_that_goes_on(terminal: Terminal, ready: Mirroring) -> None:
    terminal.run("sync")
    command = stopped(terminal, ready)
    assert len(records(ready.engine)) == 300
    code, out, _ = terminal.run(*command)
    assert (code, "30 deleted" in out) == (0, True)
    assert len(records(ready.engine)) == 270


@pytest.mark.parametrize("command", [["sync"], ["sync", "--json"], ["verify", "--repair"]])
@pytest.mark.parametrize("wrong", ["0" * 12, "x", "", "'; DROP TABLE kobo_records; --"])
@pytest.mark.parametrize("waits", [False, True], ids=["nothing waits", "another list waits"])
def test_a_code_that_was_never_issued_is_refused_before_anything_is_begun(
    terminal: Terminal, embedded_ready: Mirroring, command: list[str], wrong: str, waits: bool
) -> None:
    terminal.run("sync")
    confirming = stopped(terminal, embedded_ready) if waits else []
    embedded_ready.simulator.control.delete(embedded_ready.simulator.control.ids()[:1])
    embedded_ready.simulator.control.clear_requests()
    assert terminal.run(*command, "--confirm-deletes", wrong) == (2, "", NO_LIST)
    assert embedded_ready.simulator.control.requests() == []
    assert len(records(embedded_ready.engine)) == 300
    if waits:
        assert terminal.run(*confirming)[0] == 0


def test_a_code_that_has_served_or_whose_list_is_settled_is_refused(
    terminal: Terminal, embedded_ready: Mirroring
) -> None:
    terminal.run("sync")
    ids = embedded_ready.simulator.control.ids()
    command = stopped(terminal, embedded_ready)
    assert terminal.run(*command)[0] == 0
    assert terminal.run(*command) == (2, "", NO_LIST)
    settled = stopped(terminal, embedded_ready)
    embedded_ready.simulator.control.reveal(ids[30:60], committed=False)
    assert terminal.run("sync")[0] == 0
    assert terminal.run(*settled) == (2, "", NO_LIST)
    assert len(records(embedded_ready.engine)) == 270


def test_a_code_for_a_proof_that_deletes_nothing_is_refused(
    terminal: Terminal, embedded_ready: Mirroring
) -> None:
    terminal.run("sync")
    code = stopped(terminal, embedded_ready)[-1]
    found, out, err = terminal.run("verify", "--confirm-deletes", code)
    assert (found, out) == (2, "")
    assert err == "error: --confirm-deletes confirms what --repair deletes: give both, or none.\n"
    assert len(records(embedded_ready.engine)) == 300
