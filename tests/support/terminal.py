"""A terminal with the settings of a newcomer, for the command line in this process."""

from __future__ import annotations

import pytest

from kobo_mirror.cli import commands
from tests.support.mirroring import Mirroring

ENDPOINT = "http://127.0.0.1:9/api/real-time-updates"
WEBHOOK = {"REAL_TIME_POST_ENDPOINT_URL": ENDPOINT, "WEBHOOK_SECRET": "s3cret-of-the-webhook"}


class Terminal:
    """Runs a command in this process, as a person would in a terminal."""

    def __init__(self, capsys: pytest.CaptureFixture[str], environment: pytest.MonkeyPatch) -> None:
        self._capsys, self._environment = capsys, environment

    def set(self, **variables: str | None) -> None:
        """Set variables of the environment; None: take one away."""
        for name, value in variables.items():
            if value is None:
                self._environment.delenv(name, raising=False)
            else:
                self._environment.setenv(name, value)

    def set_as_in_env_file(self, mirroring: Mirroring) -> None:
        """Set everything as a filled-in .env does."""
        ours = mirroring.environment(**WEBHOOK)
        self.set(**{name: value for name, value in ours.items() if name not in ("PATH", "HOME", "LANG")})

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, output, errors."""
        try:
            code = commands.main(arguments)
        except SystemExit as end:
            code = int(end.code or 0)
        said = self._capsys.readouterr()
        return code, said.out, said.err
