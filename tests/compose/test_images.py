from __future__ import annotations

import fnmatch
import re
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]


def requirements(name: str) -> list[Requirement]:
    lines = (line.split("#")[0].strip() for line in (ROOT / name).read_text().splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-r")]


def locked() -> dict[str, list[Requirement]]:
    found: dict[str, list[Requirement]] = {}
    for requirement in requirements("requirements.lock"):
        found.setdefault(requirement.name, []).append(requirement)
    return found


def imported(*trees: str) -> set[str]:
    sources = [
        path for tree in trees for path in [ROOT / tree, *(ROOT / tree).rglob("*.py")] if path.is_file()
    ]
    pattern = re.compile(r"^\s*(?:from|import) (\w+)", re.M)
    return {name for path in sources for name in pattern.findall(path.read_text())}


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-mysqlclient.txt"])
def test_what_is_asked_for_by_name_is_pinned_and_what_the_lock_says(name: str) -> None:
    for requirement in requirements(name):
        assert re.fullmatch(r"==[\w.]+", str(requirement.specifier)), requirement
        pins = {str(pin.specifier) for pin in locked()[requirement.name.lower()]}
        assert str(requirement.specifier) in pins, requirement


@pytest.mark.parametrize("name", ["requirements-webhook.txt", "requirements-simulator.txt"])
def test_an_image_gets_its_versions_from_the_lock_alone(name: str) -> None:
    for requirement in requirements(name):
        assert not requirement.specifier
        assert requirement.name in locked()
    assert "PIP_CONSTRAINT=/build/requirements.lock" in (ROOT / "Dockerfile.webhook").read_text()


_WEBHOOK = (
    "webhook",
    "plugins/kobo_mirror/forms",
    "plugins/kobo_mirror/store",
    "plugins/kobo_mirror/submissions",
    "plugins/kobo_mirror/database",
    "plugins/kobo_mirror/config/address.py",
    "plugins/kobo_mirror/config/settings.py",
)


@pytest.mark.parametrize(
    ("name", "trees", "beside"),
    [
        # packaging is what gunicorn's gevent worker imports, croniter what judges schedules, which few need
        ("webhook", _WEBHOOK, {"croniter", "packaging"}),
        ("simulator", ("simulator",), set()),
    ],
)
def test_an_image_gets_what_it_imports_and_nothing_else(
    name: str, trees: tuple[str, ...], beside: set[str]
) -> None:
    asked = {requirement.name for requirement in requirements(f"requirements-{name}.txt")}
    used = imported(*trees)
    known = {name for name in locked() if name.replace("-", "_") in used}
    assert known - asked == set()
    assert asked - known == beside


def test_the_lock_is_made_of_public_names_only() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text
    assert "--" not in re.sub(r"#.*", "", text)


def test_the_lock_is_what_is_installed() -> None:
    for pins in locked().values():
        for pin in pins:
            if pin.marker is None or pin.marker.evaluate():
                assert distribution(pin.name).version in pin.specifier


def test_nothing_private_can_get_into_an_image() -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert rules[0] == "*"
    allowed = [rule[1:] for rule in rules if rule.startswith("!")]
    for private in (".env", ".git/config", ".up/airflow.cfg", "tests/conftest.py", "airflow.sqlite"):
        assert not any(fnmatch.fnmatch(private, f"{rule}*") for rule in allowed), private
