"""What a data team has: a server with some forms, one database, and ``kobo.yml`` where commands run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete

from kobo_mirror.cli import chosen
from kobo_mirror.database.engine import open_engine, reading
from kobo_mirror.kobo.accounts import Accounts
from kobo_mirror.store.listings import bound_forms, standings
from kobo_mirror.store.tables import registrations
from simulator.control_client import SimulatorControl
from simulator.process import SimulatorProcess
from tests.simulator.any_forms import content, row
from tests.support.forms.any_mirror import form_file, uid_of
from tests.support.forms.many_mirrors import one_database
from tests.support.terminal import Terminal

VISITS = content(row("text", "name"), row("date", "on"))
HOUSEHOLD = content(
    row("text", "village"), row("integer", "age"),
    row("begin_repeat", "members"), row("text", "who"), row("end_repeat"),
)  # fmt: skip
ROWS = {"household": 12, "visits": 30, "notes": 5}
HOUSE, VISIT, NOTES = (uid_of(name) for name in ROWS)
SEVEN = dict.fromkeys(("clinics", "farms", "markets", "roads", "schools", "shops", "wells"), 3)
TEN = ROWS | SEVEN
IMPATIENT: dict[str, Any] = {"attempts": 2, "sleep": partial(min, 0.0)}
"""Options of a server under which no command waits between attempts."""


@contextmanager
def serve_forms(folder: Path, rows: Mapping[str, int] = ROWS, **options: Any) -> Iterator[SimulatorProcess]:
    """Start a server with forms, as a rule Household, Visits and Notes.

    :param rows: by the name of a form, how many submissions it has.
    """
    asked = dict.fromkeys(rows, VISITS) | {"household": HOUSEHOLD}
    files = [form_file(folder, name, asked[name], rows=many) for name, many in rows.items()]
    with SimulatorProcess(form=files, **options) as running:
        yield running


class Office:
    """Runs commands of a team that mirrors several forms of one server into one database."""

    def __init__(self, server: SimulatorProcess, url: str, terminal: Terminal) -> None:
        self.server, self._terminal = server, terminal
        self.engine: Engine = open_engine(url)
        self.faults = server.control.faults
        terminal.set(
            DATABASE_URL=url, KOBO_URL=server.url, KOBO_TOKEN=server.token, KOBO_ASSET_ID=None,
        )  # fmt: skip
        self.set = terminal.set

    def write(self, text: str) -> None:
        Path("kobo.yml").write_text(text)

    def run(self, *arguments: str) -> tuple[int, list[str], str]:
        code, out, err = self._terminal.run(*arguments)
        return code, out.splitlines(), err

    def told(self, *arguments: str) -> list[dict[str, Any]]:
        _, lines, _ = self.run(*arguments, "--json")
        return [json.loads(line) for line in lines]

    def form(self, uid: str) -> SimulatorControl:
        return self.server.control.of(uid)

    def tables(self) -> dict[str, str]:
        with reading(self.engine) as connection:
            return {form.asset_uid: form.form_table for form in bound_forms(connection)}

    def counts(self) -> dict[str, int]:
        with reading(self.engine) as connection:
            return {one.table: one.submissions for one in standings(connection)}

    def forget_registrations(self) -> None:
        """Forget where the forms post to, as a new database does."""
        with self.engine.begin() as connection:
            connection.execute(delete(registrations))

    def asked(self) -> list[str]:
        """The forms whose submissions were asked for, in the order of their first request."""
        paths = (request["path"] for request in self.server.control.requests())
        return list(dict.fromkeys(path.split("/")[4] for path in paths if path.endswith("/data.json")))

    def check(self) -> None:
        """Each form's tables hold what the server shows."""
        with Accounts() as accounts:
            account = accounts.account(self.server.url, self.server.token)
            for one in one_database(self.server, account, self.engine, self.tables()):
                assert one.found() == one.wanted()


@contextmanager
def open_office(
    process: SimulatorProcess,
    url: str,
    terminal: Terminal,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Office]:
    """Start anew, in an empty folder, without a form in the environment."""
    process.control.reset()
    process.control.faults.clear()
    process.control.clear_requests()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setattr(chosen, "Accounts", lambda **options: Accounts(**options | IMPATIENT))
    made = Office(process, url, terminal)
    yield made
    made.engine.dispose()
