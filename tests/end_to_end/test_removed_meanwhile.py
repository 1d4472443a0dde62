"""``forms remove`` while another process has chosen the form: it is left out, nothing comes back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import inspect, select

from kobo_mirror.cli import commands
from kobo_mirror.cli.chosen import command
from kobo_mirror.cli.running import Registering, _synced
from kobo_mirror.store.runs import NOT_STARTED
from kobo_mirror.store.tables import forms, sync_runs
from kobo_mirror.sync import form_schema, register
from kobo_mirror.sync.choosing import note_choice
from kobo_mirror.sync.mirror import MirrorSync
from tests.end_to_end.test_register_many_forms import FORMS, hooks, registering
from tests.support.forms.office import HOUSE, VISIT, Office
from tests.support.mirroring import ROOT

__all__ = ["registering"]
LEFT_OUT = f"The form {VISIT} is mirrored no longer: it was let go or dropped. This round leaves it out."
DROP = pytest.mark.parametrize("drop", [False, True], ids=["let go", "dropped"])


@pytest.fixture
def registered(registering: Office) -> Office:
    """Three forms that are named, mirrored and registered."""
    registering.write("forms:\n" + "".join(f"- uid: {uid}\n" for uid in FORMS))
    assert registering.run("sync")[0] == registering.run("register-webhook")[0] == 0
    return registering


def remove_elsewhere(*, drop: bool = False) -> tuple[int, str]:
    """Remove the form of visits in a process of its own; return its exit code and errors."""
    asked = ["forms", "remove", VISIT, *(["--drop-tables"] if drop else [])]
    done = subprocess.run(
        [sys.executable, "-m", "kobo_mirror", *asked],
        env=os.environ | {"PYTHONPATH": str(ROOT / "plugins")},
        input="visits\n",
        text=True,
        capture_output=True,
        timeout=100,
        check=False,
    )
    return done.returncode, done.stderr


class Once:
    """Does something once, before or after a function is called that a sync or a command calls for visits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, is_it: Callable[..., bool], *, after: bool = False):
        self.said: list[Any] = []
        self._patch, self._is_it, self._after = monkeypatch, is_it, after

    def at(self, place: Any, name: str, work: Callable[[], Any]) -> None:
        first = getattr(place, name)

        def doing(*given: Any, **named: Any) -> Any:
            is_due = not self.said and self._is_it(*given)
            if is_due and not self._after:
                self.said.append(work())
            found = first(*given, **named)
            if is_due and self._after:
                self.said.append(work())
            return found

        self._patch.setattr(place, name, doing)


def let_go_or_dropped(office: Office) -> bool:
    with office.engine.connect() as connection:
        row = connection.execute(select(forms.c.let_go_at).where(forms.c.asset_uid == VISIT)).first()
        failed = select(sync_runs.c.id).where(sync_runs.c.asset_uid == VISIT, sync_runs.c.mode == NOT_STARTED)
        assert connection.execute(failed).first() is None
    there = inspect(office.engine).get_table_names()
    return row.let_go_at is not None if row else not any(name.startswith("visits") for name in there)


@pytest.mark.long
@DROP
@pytest.mark.parametrize("when", ["before its turn", "while its tables are brought up", "while it is read"])
def test_a_sync_leaves_it_out(
    registered: Office, when: str, drop: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = registered
    place, name, is_it = {
        "before its turn": (commands, "_sync_one", lambda form, *_: form.chosen.uid == VISIT),
        "while its tables are brought up": (
            form_schema,
            "find_versions",
            lambda _, client, *rest: client.form_key == VISIT,
        ),
        "while it is read": (MirrorSync, "plan", lambda sync, *_: sync._asset == VISIT),
    }[when]
    removing = Once(monkeypatch, is_it)
    removing.at(place, name, lambda: remove_elsewhere(drop=drop))
    office.form(VISIT).create(2)
    code, lines, err = office.run("sync")
    assert (code, err) == (0, "")
    assert [line for line in lines if line.endswith(LEFT_OUT)] == [lines[-1]]
    ((removed, said),) = removing.said
    has_lease = drop and when != "before its turn"
    assert removed == (1 if has_lease else 0)
    again = "and run `python -m kobo_mirror forms remove visits --drop-tables` again to drop its tables."
    assert (again in said) is has_lease
    assert let_go_or_dropped(office)
    if has_lease:
        assert remove_elsewhere(drop=True)[0] == 0
    assert hooks(office, VISIT) == []
    assert office.run("sync")[0] == office.run("register-webhook")[0] == 0
    assert let_go_or_dropped(office)
    assert ("visits" in office.counts()) is not drop
    assert office.run("forms", "add", VISIT)[0] == 0
    assert office.run("sync", "--form", VISIT)[0] == office.run("register-webhook")[0] == 0
    assert len(hooks(office, VISIT)) == 1
    office.check()


@DROP
def test_run_leaves_it_out(registered: Office, drop: bool) -> None:
    with command(makes=True) as asked:
        work = asked.anew()
        chosen = work.forms()
        assert remove_elsewhere(drop=drop)[0] == 0
        note_choice(work.engine, chosen, among_others=True)
        assert let_go_or_dropped(registered)
        assert _synced(work, chosen, None, Registering(work.settings)) == "2 of 3 forms were synced"
        assert let_go_or_dropped(registered)
        assert hooks(registered, VISIT) == []
    assert registered.run("forms", "add", VISIT)[0] == 0
    with command(makes=True) as asked:
        work = asked.anew()
        chosen = work.forms()
        note_choice(work.engine, chosen, among_others=True)
        assert _synced(work, chosen, None, Registering(work.settings)) == "3 of 3 forms were synced"
    assert len(hooks(registered, VISIT)) == 1
    registered.check()


@pytest.mark.long
@DROP
@pytest.mark.parametrize("when", ["before its turn", "before its REST Service", "after it"])
def test_no_rest_service_is_made_again(
    registered: Office, when: str, drop: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = registered
    place, name, is_it = {
        "before its turn": (commands, "_register_one", lambda form: form.chosen.uid == VISIT),
        "before its REST Service": (register, "remembered", lambda _, key: key == VISIT),
        "after it": (register, "register_webhook", lambda client, _: client.form_key == VISIT),
    }[when]
    removing = Once(monkeypatch, is_it, after=when == "after it")
    removing.at(place, name, lambda: remove_elsewhere(drop=drop))
    code, _, err = office.run("register-webhook")
    assert (code, removing.said[0][0]) == (1, 0)
    assert f"{VISIT} " in err
    assert hooks(office, VISIT) == []
    assert len(hooks(office, HOUSE)) == 1


def test_a_form_that_is_named_again_is_registered_after_its_sync(registered: Office) -> None:
    assert remove_elsewhere()[0] == 0
    registered.run("forms", "add", VISIT)
    code, _, err = registered.run("register-webhook")
    assert (code, "the next sync" in err) == (1, True)
    assert hooks(registered, VISIT) == []
    assert registered.run("sync")[0] == registered.run("register-webhook")[0] == 0
    assert len(hooks(registered, VISIT)) == 1
