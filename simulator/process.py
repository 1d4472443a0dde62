"""A simulated server as a child process, for tests, the demo and benchmarks."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from simulator.control_client import SimulatorControl

_ROOT = Path(__file__).resolve().parents[1]


class SimulatorProcess:
    """``with SimulatorProcess(rows=50) as simulator:`` serves on a free loopback port until the block ends.

    :param rows: submissions to start with.
    :param start_timeout: seconds to wait for the server to answer.
    :param options: any other option of ``python -m simulator``, with underscores; a list repeats one.
    """

    def __init__(
        self, *, rows: int = 100, start_timeout: float = 30.0, **options: str | float | bool | list[str]
    ) -> None:
        self._options: dict[str, str | float | bool | list[str]] = {
            "port": 0,
            "hook_time_scale": 0.002,
            **options,
            "rows": rows,
        }
        self._start_timeout = start_timeout
        self.url = self.token = self.asset = ""
        self.assets: list[str] = []
        self.control: SimulatorControl

    def start(self) -> Self:
        """Start it and wait until it answers.

        :returns: itself.
        :raises RuntimeError: it does not answer in time; the error has what it wrote.
        """
        self._folder = tempfile.TemporaryDirectory(prefix="simulator-")
        ready = Path(self._folder.name, "ready.json")
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  # open as long as the process runs
        self._process = subprocess.Popen(  # noqa: S603  # our own command
            [sys.executable, "-m", "simulator", *self._arguments(), "--ready-file", str(ready)],
            cwd=_ROOT,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )
        try:
            self._wait_for(ready)
        except BaseException:
            self.stop()
            raise
        about = json.loads(ready.read_text("utf-8"))
        self.url, self.token, self.asset = about["url"], about["token"], about["asset"]
        self.assets = about["assets"]
        self.control = SimulatorControl(self.url)
        return self

    def stop(self) -> None:
        """End it and its worker."""
        if hasattr(self, "control"):
            self.control.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()
        self._folder.cleanup()

    @property
    def pid(self) -> int:
        """The process id of the parent process."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _arguments(self) -> list[str]:
        names = {name: f"--{name.replace('_', '-')}" for name in self._options}
        switches = [names[name] for name, value in self._options.items() if value is True]
        valued = [
            f"{names[name]}={one}"
            for name, value in self._options.items()
            if not isinstance(value, bool)
            for one in (value if isinstance(value, list) else [value])
        ]
        return switches + valued

    def _wait_for(self, ready: Path) -> None:
        deadline = time.monotonic() + self._start_timeout
        while not ready.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._output.seek(0)
                raise RuntimeError(
                    f"the simulator did not start:\n{self._output.read().decode(errors='replace')}"
                )
            time.sleep(0.02)
