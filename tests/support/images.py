"""What an image of ours is built from, and the same here: its packages alone, its files, its command.

Read from ``Dockerfile.webhook``, so that a package or a file that the image lacks is lacking here, too.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UV = Path(sys.executable).with_name("uv")
_DOCKERFILE = ROOT / "Dockerfile.webhook"
_APP = "/app"


@dataclass(frozen=True)
class Recipe:
    """The instructions that lead to one target of the Dockerfile.

    :param python: the version of Python, such as ``3.12``.
    :param requirements: the files of requirements that its packages come from.
    :param files: the files and directories that it holds, from the root of the project.
    :param pythonpath: as the image sets it.
    :param command: what it runs.
    """

    python: str
    requirements: tuple[str, ...]
    files: tuple[str, ...]
    pythonpath: str
    command: tuple[str, ...]


def recipe(target: str) -> Recipe:
    """Read the recipe of one target."""
    stages = _stages()
    own = _instructions(stages, target)
    packages = [
        line for stage in re.findall(r"COPY --from=(\S+)", own) for line in [_instructions(stages, stage)]
    ]
    image = re.search(r"FROM python:(\d+\.\d+)-slim", own)
    pythonpath = re.search(r"PYTHONPATH=(\S+)", own)
    assert image
    assert pythonpath
    return Recipe(
        python=image[1],
        requirements=tuple(re.findall(r"install -r /build/(\S+)", "\n".join(packages))),
        files=tuple(re.findall(r"^COPY (?!--)(\S+) \S+$", own, re.M)),
        pythonpath=pythonpath[1],
        command=tuple(json.loads(re.findall(r"^CMD (\[.*\])$", own, re.M)[-1])),
    )


def _stages() -> dict[str, tuple[str, str]]:
    """Each stage's base and text, by its name."""
    text = _DOCKERFILE.read_text().replace("\\\n", " ")
    parts = re.split(r"^(?=FROM )", text, flags=re.M)[1:]
    found = {}
    for part in parts:
        first = re.match(r"FROM (\S+) AS (\S+)", part)
        assert first, part
        found[first[2]] = first[1], part
    return found


def _instructions(stages: dict[str, tuple[str, str]], name: str) -> str:
    base, text = stages[name]
    return (_instructions(stages, base) if base in stages else "") + text


@dataclass(frozen=True)
class Fresh:
    """An environment with an image's packages and nothing else, beside the image's files.

    :param app: the directory that is ``/app`` in the image.
    """

    recipe: Recipe
    venv: Path
    app: Path

    @property
    def command(self) -> list[str]:
        """The image's command."""
        program, *arguments = self.recipe.command
        return [str(self.venv / "bin" / program), *arguments]

    @property
    def environment(self) -> dict[str, str]:
        """What the image sets; nothing of the environment of the tests."""
        return {
            "PATH": f"{self.venv / 'bin'}:{os.defpath}",
            "PYTHONPATH": self.recipe.pythonpath.replace(_APP, str(self.app)),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program of Python in it."""
        return subprocess.run(
            [self.venv / "bin" / "python", "-c", program, *arguments],
            cwd=self.app,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


def build(target: str, folder: Path) -> Fresh:
    """Make what the image of one target holds, in an empty directory."""
    found = Fresh(recipe(target), folder / "venv", folder / "app")
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, found.venv], check=True)
    _install(found)
    for name in found.recipe.files:
        shutil.copytree(ROOT / name, found.app / name, ignore=shutil.ignore_patterns("__pycache__"))
    return found


def _install(fresh: Fresh) -> None:
    """Install by uv from its cache, else by uv, else by pip, which may know this machine's package index."""
    wanted = ["--constraint", "requirements.lock"]
    for name in fresh.recipe.requirements:
        wanted += ["--requirement", name]
    python = str(fresh.venv / "bin" / "python")
    uv = [str(UV), "pip", "install", "--quiet", "--python", python, *wanted]
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", *wanted]
    for way in ([*uv, "--offline"], uv, pip):
        done = subprocess.run(way, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
    raise AssertionError(f"{fresh.recipe.requirements} could not be installed: {done.stderr}")
