"""A throw-away PostgreSQL server, where one is installed: its own tools make it and speak to it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.server_process import end_with_us

_PLACES = ("/usr/lib/postgresql", "/usr/pgsql", "/opt/homebrew/opt", "/usr/local/pgsql")
_PATIENCE = 60.0


@dataclass(frozen=True)
class PostgresqlServer:
    """A running server that is spoken to over a socket in a directory of its own."""

    programs: Path
    home: Path

    def run(self, statements: Sequence[str]) -> list[str]:
        """Run statements in one transaction, and return the rows of the last ones, a text each.

        :raises AssertionError: one of them is refused.
        """
        options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--single-transaction"]
        done = subprocess.run(
            [self.programs / "psql", *options, "--set=ON_ERROR_STOP=1", "--dbname=postgres", "--file=-"],
            input=";\n".join((*statements, "")),
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE,
        )
        assert done.returncode == 0, done.stderr
        return [line for line in done.stdout.splitlines() if line]

    def wait(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until it answers.

        :raises AssertionError: it does not start.
        """
        deadline = time.monotonic() + _PATIENCE
        ready = [str(self.programs / "pg_isready"), "--quiet"]
        while subprocess.run(ready, env=self._environment(), check=False, timeout=_PATIENCE).returncode:
            assert process.poll() is None, self.last_words()
            assert time.monotonic() < deadline, self.last_words()
            time.sleep(0.05)

    def last_words(self) -> str:
        """The last line of the server's log."""
        lines = (self.home / "log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def _environment(self) -> dict[str, str]:
        names = {"PGHOST": str(self.home), "PGUSER": "test", "PGCLIENTENCODING": "UTF8"}
        return {"PATH": os.environ["PATH"], **names}


@contextmanager
def postgresql_server() -> Iterator[PostgresqlServer | None]:
    """A server of our own, gone at the end with its data; None where none is installed."""
    programs = _programs()
    if programs is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="kobo-pg-", dir="/tmp", ignore_cleanup_errors=True) as home:
        user = _user()
        if user:
            shutil.chown(home, user)
        server, data = PostgresqlServer(programs, Path(home)), f"{home}/data"
        create = [
            "initdb",
            "--username=test",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            data,
        ]
        start = ["postgres", "-D", data, "-k", home, "-c", "listen_addresses=", "-c", "fsync=off"]
        start += ["-c", "max_locks_per_transaction=1024"]
        process = _start(programs, create, home, user)
        assert process.wait(_PATIENCE) == 0, server.last_words()
        process = _start(programs, start, home, user)
        guard = end_with_us(process.pid, Path(home))
        try:
            server.wait(process)
            yield server
        finally:
            guard.kill()
            guard.wait()
            process.send_signal(signal.SIGQUIT)  # at once, but without leaving shared memory
            process.wait(_PATIENCE)


def _start(programs: Path, command: Sequence[str], home: str, user: str | None) -> subprocess.Popen[bytes]:
    with Path(home, "log").open("ab") as log:
        return subprocess.Popen(
            [programs / command[0], *command[1:]],
            cwd=home, user=user, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip


def _programs() -> Path | None:
    """Where ``initdb``, ``pg_ctl`` and ``psql`` are, in the newest version."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).parent] if on_path else []
    found += sorted((p.parent for place in _PLACES for p in Path(place).glob("*/bin/initdb")), reverse=True)
    return next((place for place in found if (place / "psql").exists()), None)


def _user() -> str | None:
    """The user that a server of root's runs as, since PostgreSQL refuses to be root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"
