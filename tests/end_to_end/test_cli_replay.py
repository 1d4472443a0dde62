"""``replay`` on the command line: its exit code is 0 only if all that was asked for is done."""

from __future__ import annotations

import pytest

from kobo_mirror.store import dead_letters
from kobo_mirror.store.leases import take_lease
from tests.support.mirroring import Mirroring
from tests.support.submissions import body, submission
from tests.support.tables import records
from tests.support.terminal import Terminal

NEW = 9_999_999
"""An _id that the simulator has not."""


def letter(mirroring: Mirroring, raw: bytes) -> int:
    return dead_letters.keep(mirroring.engine, body=raw, source="webhook", reason="as it was")


def taken(mirroring: Mirroring) -> int:
    """A dead letter that a replay takes."""
    return letter(mirroring, body(submission(NEW, _xform_id_string=mirroring.simulator.asset)))


def last_line(out: str) -> str:
    return out.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("what", "ids", "said"),
    [
        ("dead-letters", [99], "0 of 1 replayed: 1 unknown (99: no such one waits)"),
        ("rejections", [99], "0 of 1 replayed: 1 unknown (99: no such one waits)"),
        ("dead-letters", [98, 99], "0 of 2 replayed: 2 unknown (98, 99: no such one waits)"),
    ],
)
def test_what_is_unknown_is_no_success(
    terminal: Terminal, embedded_ready: Mirroring, what: str, ids: list[int], said: str
) -> None:
    terminal.run("sync")
    embedded_ready.simulator.control.clear_requests()
    code, out, err = terminal.run("replay", what, *(word for i in ids for word in ("--id", str(i))))
    assert (code, last_line(out), err) == (1, said, "")
    assert embedded_ready.requests() == []


def test_nothing_that_waits_is_a_success_and_says_so(terminal: Terminal, embedded_ready: Mirroring) -> None:
    terminal.run("sync")
    for options in ([], ["dead-letters"], ["rejections"], ["dead-letters", "--reason", "as it never was"]):
        assert terminal.run("replay", *options) == (0, "nothing waits to be replayed\n", "")


def test_letters_that_are_refused_again_are_no_success(terminal: Terminal, ready: Mirroring) -> None:
    terminal.run("sync")
    refused = [letter(ready, b"{"), letter(ready, b"[]")]
    code, out, _ = terminal.run("replay", "dead-letters")
    why = f"({refused[0]}, {refused[1]}: no submission of this form)"
    assert (code, last_line(out)) == (1, f"0 of 2 replayed: 2 refused {why}")
    done = taken(ready)
    code, out, _ = terminal.run("replay")
    assert code == 1
    assert last_line(out) == f"1 of 3 replayed: 2 refused {why}, 1 inserted ({done})"
    assert terminal.run("replay", "dead-letters", "--id", str(done))[0] == 1  # it was taken
    again = taken(ready)
    code, out, _ = terminal.run("replay", "dead-letters", "--id", str(again))
    assert (code, last_line(out)) == (0, f"1 replayed: 1 unchanged ({again})")


def test_a_rejection_that_still_does_not_fit_is_no_success(terminal: Terminal, ready: Mirroring) -> None:
    control = ready.simulator.control
    mended, left, gone = control.create(3, cd_age="forty")
    terminal.run("sync")
    control.edit(mended, cd_age=40)
    control.delete([gone])
    code, out, _ = terminal.run("replay", "rejections")
    assert code == 1
    assert last_line(out) == (
        f"2 of 3 replayed: 1 mended ({mended}), 1 rejected ({left}: it does not fit the table), "
        f"1 deleted ({gone}: KoboToolbox shows it no more)"
    )
    control.edit(left, cd_age=41)
    code, out, _ = terminal.run("replay", "rejections", "--id", str(left))
    assert (code, last_line(out)) == (0, f"1 replayed: 1 mended ({left})")


def test_what_was_replayed_is_told_even_if_the_rest_cannot_be(
    terminal: Terminal, embedded_ready: Mirroring
) -> None:
    embedded_ready.simulator.control.create(1, cd_age="forty")
    terminal.run("sync")
    done = taken(embedded_ready)
    take_lease(embedded_ready.engine, embedded_ready.mirror.asset_uid, "scheduled__2026-11-23")
    code, out, err = terminal.run("replay")
    assert (code, out) == (1, f"dead letter {done}: inserted\n")
    assert "holds this form since" in err


def test_what_was_asked_for_is_told_first_though_deletes_wait(terminal: Terminal, ready: Mirroring) -> None:
    control = ready.simulator.control
    gone = control.ids()[:30]
    mended, left, deleted = control.create(3, cd_age="forty")
    terminal.run("sync")
    control.delete([*gone, deleted])
    control.edit(mended, cd_age=40)
    assert terminal.run("replay", "rejections", "--id", str(mended))[:2] == (
        0,
        f"rejection {mended}: mended (age: the answer to sec_c/cd_age is not a whole number)\n"
        f"1 replayed: 1 mended ({mended})\n",
    )  # what has gone is not known yet
    assert terminal.run("sync", "--mode", "exact")[0] == 1
    control.edit(left, cd_age=41)
    code, out, err = terminal.run("replay", "rejections", "--id", str(left))
    *_, said, waits = out.splitlines()
    assert (code, said, err) == (0, f"1 replayed: 1 mended ({left})", "")
    assert waits.startswith("31 of 303 submissions have gone from the server (")
    code, out, err = terminal.run("replay", "rejections")
    *_, said, waits = out.splitlines()
    why = "KoboToolbox shows it no more, and its delete waits"
    assert (code, said, err) == (1, f"0 of 1 replayed: 1 gone ({deleted}: {why})", "")
    assert "--confirm-deletes" in waits
    assert {left, mended, *gone} <= set(records(ready.engine))


def test_a_repair_tells_what_it_mended_though_deletes_wait(terminal: Terminal, ready: Mirroring) -> None:
    control = ready.simulator.control
    terminal.run("sync")
    ids = control.ids()
    control.delete(ids[:30])
    control.edit(ids[40], cd_age=41)
    code, out, err = terminal.run("verify", "--repair")
    last = "mirror differs from source: 270 submissions, 30 differences (30 extra)"
    assert (code, last_line(out)[: len(last)]) == (1, last)
    assert err.startswith("error: 30 of 300 submissions have gone from the server (")
    assert records(ready.engine)[ids[40]]["age"] == 41
