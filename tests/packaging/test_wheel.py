"""``pip install`` of the project gives a command that works, by its own dependencies alone."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

import kobo_mirror
from simulator.process import SimulatorProcess
from tests.support.images import ROOT, UV
from tests.support.processes import free_port
from tests.webhook.service import wait_for

DIST_INFO = ROOT / "plugins" / f"kobo_mirror-{kobo_mirror.__version__}.dist-info"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@dataclass(frozen=True)
class Installed:
    """A wheel of this checkout in an environment that holds nothing else.

    :param bin: where its commands are.
    """

    wheel: Path
    bin: Path

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the console script with these settings and no others, away from the checkout."""
        kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
        env = kept | {"PATH": str(self.bin)} | environment
        return subprocess.run(
            [self.bin / "kobo-mirror", *arguments],
            cwd=self.wheel.parent,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([UV, "build", "--quiet", "--wheel", "--out-dir", folder, ROOT], check=True)
    (wheel,) = folder.glob("*.whl")
    place = folder / "env"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, place], check=True)
    wanted = f"kobo-mirror[mysql,webhook] @ {wheel.as_uri()}"
    constraints = ["--constraint", ROOT / "requirements.lock"]
    subprocess.run(
        [UV, "pip", "install", "--quiet", "--python", place / "bin" / "python", *constraints, wanted],
        check=True,
    )
    return Installed(wheel, place / "bin")


def test_it_syncs_and_proves(
    installed: Installed, simulator_process: SimulatorProcess, database_url: str
) -> None:
    simulator_process.control.reset(rows=30)
    settings = {
        "DATABASE_URL": database_url,
        "KOBO_URL": simulator_process.url,
        "KOBO_TOKEN": simulator_process.token,
        "KOBO_ASSET_ID": simulator_process.asset,
    }
    synced = installed.run("sync", **settings)
    assert (synced.returncode, synced.stdout[:17]) == (0, "success: 30 new i"), synced.stderr
    proven = installed.run("verify", **settings)
    assert proven.stdout.startswith("mirror equals source: 30 submissions, 0 differences"), proven.stderr


def test_it_says_its_version_in_each_way_it_is_started(installed: Installed) -> None:
    version = f"kobo-mirror {kobo_mirror.__version__}\n"
    assert installed.run("--version").stdout == version
    as_module = [installed.bin / "python", "-m", "kobo_mirror", "--version"]
    assert (
        subprocess.run(as_module, cwd=installed.bin, capture_output=True, text=True, check=False).stdout
        == version
    )


def test_it_serves_the_webhook_from_where_it_is_installed(
    installed: Installed, simulator_process: SimulatorProcess, tmp_path: Path
) -> None:
    simulator_process.control.reset(rows=30)
    port = free_port()
    settings = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/mirror.sqlite",
        "KOBO_URL": simulator_process.url,
        "KOBO_TOKEN": simulator_process.token,
        "KOBO_ASSET_ID": simulator_process.asset,
        "WEBHOOK_SECRET": "s3cret",
        "WEBHOOK_BIND": f"127.0.0.1:{port}",
    }
    log = tmp_path / "run.log"
    with log.open("wb") as file:
        env = {"PATH": str(installed.bin)} | settings
        process = subprocess.Popen(
            [installed.bin / "kobo-mirror", "run"], cwd=tmp_path, env=env, stdout=file, stderr=file
        )
    try:
        wait_for(lambda: "30 new" in log.read_text(), 30)
        assert requests.get(f"http://127.0.0.1:{port}/health/ready", timeout=5).status_code == 200
    finally:
        process.terminate()
    assert process.wait(30) == 0, log.read_text()


def test_the_wheel_holds_all_that_is_read_at_run_time_and_no_test(installed: Installed) -> None:
    names = set(zipfile.ZipFile(installed.wheel).namelist())
    read = [
        path.relative_to(root).as_posix()
        for root in (ROOT / "plugins", ROOT)
        for package in ("kobo_mirror", "webhook")
        for path in (root / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    assert set(read) <= names
    others = {name.partition("/")[0] for name in names} - {"kobo_mirror", "webhook"}
    assert others == {DIST_INFO.name}


def test_airflow_is_told_the_same_of_a_checkout_as_of_a_wheel() -> None:
    told = ConfigParser()
    told.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    told.read(DIST_INFO / "entry_points.txt")
    wanted = PROJECT["entry-points"]
    assert {section: dict(told[section]) for section in told.sections()} == wanted
    metadata = (DIST_INFO / "METADATA").read_text()
    assert f"Version: {kobo_mirror.__version__}\n" in metadata
    assert f"Summary: {PROJECT['description']}\n" in metadata


def test_the_fragments_make_a_changelog() -> None:
    """Each is of a kind that the configuration has: towncrier leaves out what it does not know."""
    towncrier = [Path(sys.executable).with_name("towncrier"), "build", "--draft", "--version", "9.9.9"]
    shown = subprocess.run(towncrier, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    fragments = [path for path in (ROOT / "changelog.d").iterdir() if path.name != "template.md"]
    assert [path.name for path in fragments if path.read_text().strip() not in shown] == []
    assert "## [9.9.9]" in shown
