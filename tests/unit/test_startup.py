"""Settings of the heap and the garbage collector stand in one module, which only the command line calls."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STARTUP = ROOT / "plugins" / "kobo_mirror" / "startup.py"
DRAINING = ROOT / "webhook" / "draining.py"
WITH_PARENT = ROOT / "plugins" / "kobo_mirror" / "cli" / "with_parent.py"
SECOND_PROCESS = ROOT / "plugins" / "kobo_mirror" / "sync" / "second_process.py"
MODULES = [
    path for folder in ("dags", "plugins", "webhook") for path in sorted((ROOT / folder).rglob("*.py"))
]


def imported(path: Path) -> set[str]:
    """The modules that a file imports, by their full names."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return names


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("gc", {STARTUP}),
        ("ctypes", {STARTUP, DRAINING, WITH_PARENT, SECOND_PROCESS}),
        ("kobo_mirror.startup", {ROOT / "plugins" / "kobo_mirror" / "__main__.py"}),
    ],
)
def test_only_one_module_tunes_the_process(name: str, allowed: set[Path]) -> None:
    assert {path for path in MODULES if name in imported(path)} == allowed


def test_a_command_collects_garbage_rarely_and_the_library_leaves_it_alone() -> None:
    def threshold(statement: str) -> int:
        script = f"import gc, sys\n{statement}\nprint(gc.get_threshold()[0], gc.isenabled())"
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT / "plugins", capture_output=True, text=True, check=True
        )
        number, enabled = done.stdout.split()[-2:]
        assert enabled == "True"
        return int(number)

    command = "sys.argv[1:] = ['--version']\nfrom kobo_mirror.__main__ import main\n"
    usual = threshold("")
    assert threshold("import kobo_mirror.cli.commands, kobo_mirror.sync.mirror") == usual
    assert threshold(command + "try: main()\nexcept SystemExit: pass") > 10 * usual
