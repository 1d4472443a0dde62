"""A MariaDB or MySQL server as a process of ours, with its data in a directory of its own, on a free port."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

_PLACES = (
    "/usr/sbin",
    "/usr/bin",
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/libexec",
    "/opt/homebrew/bin",
)
_WHAT_TO_DO = (
    "The tests need a MariaDB or MySQL server: install one (apt-get install mariadb-server, "
    "brew install mariadb) or name a database for them in DATABASE_TEST_URL, such as "
    "mysql+pymysql://user:password@host/kobo_test."
)
_PATIENCE = 60.0


class NoServerError(Exception):
    """There is no server to test with, or not one that may be used; the message says what to do."""


@dataclass
class ServerProcess:
    """A server that ends with this process, however this one ends."""

    binary: Path
    home: Path
    user: str = "kobo"
    password: str = field(default_factory=lambda: secrets.token_hex(8), repr=False)
    port: int = 0
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    guard: subprocess.Popen[bytes] | None = None

    def create(self) -> None:
        """Make the data directory; every start creates a user who may do everything, if there is none."""
        (self.home / "user.sql").write_text(
            f"CREATE USER IF NOT EXISTS '{self.user}'@'127.0.0.1' IDENTIFIED BY '{self.password}';\n"
            f"GRANT ALL PRIVILEGES ON *.* TO '{self.user}'@'127.0.0.1' WITH GRANT OPTION;\n"
        )
        options = [*self._places(), *_as_root()]
        command = [str(self.binary), *options, "--initialize-insecure"]
        if self.binary.name == "mariadbd" and (installer := find_program("mariadb-install-db")):
            command = [str(installer), *options, "--skip-test-db", "--auth-root-authentication-method=normal"]
        with (self.home / "log").open("wb") as log:
            done = subprocess.run(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, check=False, timeout=_PATIENCE
            )
        if done.returncode != 0:
            raise NoServerError(f"{command[0]} could not make a data directory: {self.last_words()}")

    def _places(self) -> list[str]:
        """Only its own: in a shared place for temporary files a starting server deletes those of others."""
        temporary = self.home / "tmp"
        temporary.mkdir(exist_ok=True)
        return ["--no-defaults", f"--datadir={self.home / 'data'}", f"--tmpdir={temporary}"]

    def start(self) -> None:
        """Start on the former port, or on a free one, and wait until it answers."""
        self.port = self.port or _free_port()
        command = [
            str(self.binary),
            *self._places(),
            f"--socket={self.home / 'socket'}",
            f"--pid-file={self.home / 'pid'}",
            f"--init-file={self.home / 'user.sql'}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--loose-mysqlx=OFF",
            *_as_root(),
            *self.options,
        ]
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        self.guard = end_with_us(self.process.pid, self.home)
        deadline = time.monotonic() + _PATIENCE
        while not _greets(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.end(at_once=True)
                raise NoServerError(f"{self.binary} does not start: {self.last_words()}")
            time.sleep(0.05)

    def end(self, *, at_once: bool) -> None:
        """Stop the server in order, or kill it."""
        if self.guard is not None and self.guard.stdin is not None:
            self.guard.kill()
            self.guard.stdin.close()
            self.guard.wait()
        if self.process is not None:
            if at_once:
                self.process.kill()
            else:
                self.process.terminate()
            try:
                self.process.wait(timeout=_PATIENCE)
            finally:
                self.process.kill()

    def last_words(self) -> str:
        """Return the last line of the server's log."""
        lines = (self.home / "log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def server_program() -> Path:
    """Return the program of a server: one on this machine, else one from apt.

    :raises NoServerError: there is none and none can be installed.
    """
    return find_program("mariadbd") or find_program("mysqld") or _install()


def find_program(name: str) -> Path | None:
    """Return the path of a program, also in places that only root's PATH names; None if there is none."""
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(_PLACES))
    return Path(found) if found else None


def _install() -> Path:
    """Install the server alone: Debian's package ``-core`` brings no service that would be started."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise NoServerError(_WHAT_TO_DO)
    packages = "mariadb-server-core mariadb-client-core"
    for arguments in ("update -qq", f"install -qq -y --no-install-recommends {packages}"):
        subprocess.run(
            ["apt-get", *arguments.split()],
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
            stdout=subprocess.DEVNULL,
            check=False,
        )
    if (binary := find_program("mariadbd")) is None:
        raise NoServerError(_WHAT_TO_DO)
    return binary


def _as_root() -> list[str]:
    return ["--user=root"] if os.geteuid() == 0 else []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _greets(port: int) -> bool:
    """Return True once the server is past its start: before, the port is open but no greeting is sent.

    A MariaDB that is told to stop before it is past its start may hang for ever.
    """
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
            return bool(probe.recv(1))
    except OSError:
        return False


def end_with_us(pid: int, home: Path) -> subprocess.Popen[bytes]:
    """Start a shell that kills the server and removes its data at the end of its input, which is our end."""
    return subprocess.Popen(
        ["/bin/sh", "-c", 'cat >/dev/null; kill -9 "$1"; rm -rf "$2"', "guard", str(pid), str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
