"""The packages of each image, installed alone, start its program, and that does its work."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import requests
from sqlalchemy import Engine

from kobo_mirror.store.binding_checks import bind
from tests.support.images import ROOT, UV, Fresh, build, recipe
from tests.support.tables import records
from tests.webhook.application import MIRROR
from tests.webhook.bodies import body
from tests.webhook.service import running_service, wait_for

TARGETS = ("webhook", "simulator")
VERSIONS = ("3.11", "3.12", "3.13")
LACKING = """
import ast, sys
from importlib.util import find_spec
from pathlib import Path

def names(tree):
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        yield from names(node)

ours = ("webhook", "simulator", "kobo_mirror")
waiting = [".".join(path.with_suffix("").parts) for path in Path(sys.argv[1]).rglob("*.py")]
seen, lacking = set(), set()
while waiting:
    name = waiting.pop()
    top = name.partition(".")[0]
    if name in seen:
        continue
    seen.add(name)
    if top not in ours:
        if find_spec(top) is None:
            lacking.add(top)
        continue
    for root in (".", "plugins"):
        path = Path(root, *name.split("."))
        for file in (path.with_suffix(".py"), path / "__init__.py", path.parent.with_suffix(".py")):
            if file.is_file():
                waiting += names(ast.parse(file.read_text()))
print(len(seen), *sorted(lacking))
"""


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Fresh]:
    """The environment of an image, made once."""
    return cache(lambda target: build(target, tmp_path_factory.mktemp(target)))


def test_the_webhook_takes_a_submission_with_its_own_packages_alone(
    fresh: Callable[[str], Fresh], engine: Engine, database_url: str, tmp_path: Path
) -> None:
    image = fresh("webhook")
    bind(engine, MIRROR)
    with running_service(
        database_url, tmp_path, command=image.command, folder=image.app, **image.environment
    ) as service:
        assert service.post(body(7))[:2] == (200, {"status": "success", "result": "inserted", "reason": None})
        assert service.get("/health/ready") == 200
    assert records(engine)[7]["client_name"] == "Łukasz ወርቅ"


def test_the_simulator_shows_its_form_with_its_own_packages_alone(
    fresh: Callable[[str], Fresh], tmp_path: Path
) -> None:
    image, ready = fresh("simulator"), tmp_path / "ready.json"
    here = ("--host=127.0.0.1", "--port=0", "--rows=20", f"--ready-file={ready}")
    process = subprocess.Popen([*image.command, *here], cwd=image.app, env=image.environment)
    try:
        wait_for(lambda: ready.exists() or process.poll() is not None, 30)
        about = json.loads(ready.read_text())
        page = requests.get(
            f"{about['url']}/api/v2/assets/{about['asset']}/data.json",
            headers={"Authorization": f"Token {about['token']}"},
            timeout=10,
        ).json()
        assert page["count"] == 20
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("target", TARGETS)
def test_every_package_that_an_image_imports_even_late_is_installed(
    fresh: Callable[[str], Fresh], target: str
) -> None:
    done = fresh(target).run(LACKING, target)
    assert done.returncode == 0, done.stderr
    seen, *lacking = done.stdout.split()
    assert int(seen) > 20
    assert lacking == []


@pytest.mark.long
@pytest.mark.parametrize("target", TARGETS)
def test_every_version_of_python_gets_the_same_packages(target: str) -> None:
    """So what starts here starts with the image's Python, which this machine may not have."""
    image = recipe(target)
    assert image.python in VERSIONS
    found = {version: _resolved(version, image.requirements) for version in VERSIONS}
    assert len(found[image.python]) > 5
    assert len(set(found.values())) == 1, found


def _resolved(version: str, requirements: tuple[str, ...]) -> frozenset[str]:
    command = [str(UV), "pip", "compile", "--quiet", "--python-version", version, "--no-header"]
    command += ["--no-annotate", "--constraint", "requirements.lock", *requirements]
    for more in (["--offline"], []):
        done = subprocess.run([*command, *more], cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            break
    assert done.returncode == 0, done.stderr
    return frozenset(done.stdout.split())
