"""A mirror of a simulated server: synced in this process, or by the command line in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine

from kobo_mirror.config.settings import server_url
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.kobo.form import KoboClient, open_form
from kobo_mirror.store.mirrors import load_mirror
from kobo_mirror.sync.mirror import MirrorSync
from kobo_mirror.sync.verify import Report, verify
from simulator.process import SimulatorProcess

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Mirroring:
    """What a newcomer would set, and what can be done with it.

    :param slept: the seconds that the client was asked to wait between attempts; it does not wait.
    """

    simulator: SimulatorProcess
    url: str
    engine: Engine
    slept: list[float]
    folder: TemporaryDirectory[str] = field(default_factory=TemporaryDirectory)
    """Where commands run: ``plan`` writes a file."""

    @property
    def mirror(self) -> Mirror:
        """The form and the tables that it has now."""
        return load_mirror(self.engine, server_url(self.simulator.url), self.simulator.asset)

    def client(self, *, token: str = "", asset: str = "", attempts: int = 6) -> KoboClient:
        """Return a client that does not wait."""
        simulator = self.simulator
        return open_form(
            simulator.url,
            token or simulator.token,
            asset or simulator.asset,
            attempts=attempts,
            sleep=self.slept.append,
        )

    def sync(self, client: KoboClient | None = None, **options: Any) -> dict[str, Any]:
        """Run one sync; options of ``MirrorSync`` and ``run`` alike."""
        how = {name: options.pop(name) for name in ("mode", "since", "confirm", "name") if name in options}
        with client or self.client() as asking:
            server = server_url(self.simulator.url)
            return MirrorSync(asking, self.engine, server=server, **options).run(**how)

    def verify(self) -> Report:
        """Prove every cell."""
        with self.client() as client:
            return verify(client, self.engine, self.mirror, lambda *_: None, full=True)

    def environment(self, **changes: str) -> dict[str, str]:
        """Return the environment of a command: nothing of ours but these settings."""
        ours = {
            "PYTHONPATH": str(ROOT / "plugins"),
            "DATABASE_URL": self.url,
            "KOBO_URL": self.simulator.url,
            "KOBO_TOKEN": self.simulator.token,
            "KOBO_ASSET_ID": self.simulator.asset,
        }
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {name: value for name, value in (kept | ours | changes).items() if value}

    def start(self, *arguments: str, **changes: str) -> subprocess.Popen[str]:
        """Start ``python -m kobo_mirror`` with these arguments."""
        return subprocess.Popen(
            [sys.executable, "-m", "kobo_mirror", *arguments],
            env=self.environment(**changes),
            cwd=self.folder.name,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def command(self, *arguments: str, **changes: str) -> tuple[int, str, str]:
        """Run ``python -m kobo_mirror`` and return its exit code, output and errors."""
        process = self.start(*arguments, **changes)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def requests(self, path: str = "/data.json") -> list[dict[str, Any]]:
        """Return the requests for submissions that the simulator served."""
        return [request for request in self.simulator.control.requests() if request["path"].endswith(path)]
