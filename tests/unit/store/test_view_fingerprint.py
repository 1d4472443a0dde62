"""Views are made anew by code that has changed, without a number that a person has to raise."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kobo_mirror.store.view_fingerprint import digest_of, making_code

PACKAGE = Path(__file__).parents[3] / "plugins" / "kobo_mirror"
_WHAT_VIEWS_ARE_NOT_MADE_OF = {"__init__.py", "errors.py", "config", "store/__init__.py"}
_LOADED = """
import sys
import kobo_mirror.views.definitions, kobo_mirror.store.view_sql
from kobo_mirror.database.dialects import mysql, sqlite
print(*(m.__file__ for name, m in sys.modules.items() if name.split(".")[0] == "kobo_mirror"), sep="\\n")
"""


def test_all_code_that_makes_views_is_looked_at() -> None:
    """What is loaded to write the SQL of views decides what it is, but for settings and errors."""
    found = subprocess.run(
        [sys.executable, "-c", _LOADED],
        env={"PYTHONPATH": str(PACKAGE.parent)},
        text=True,
        capture_output=True,
        check=True,
    )
    loaded = {str(Path(line).relative_to(PACKAGE)) for line in found.stdout.split()}
    looked_at = {str(file.relative_to(PACKAGE)) for file in making_code(PACKAGE)}
    assert {"views/definitions.py", "database/dialects/mysql/views.py", "store/view_sql.py"} <= loaded
    left = loaded - looked_at
    assert {one for one in left if {one, one.split("/")[0]}.isdisjoint(_WHAT_VIEWS_ARE_NOT_MADE_OF)} == set()


@pytest.mark.parametrize(
    "changed", ["views/values.py", "store/view_sql.py", "database/dialects/sqlite/views.py"]
)
def test_another_line_of_code_is_another_fingerprint(tmp_path: Path, changed: str) -> None:
    copy = tmp_path / "kobo_mirror"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    before = digest_of(making_code(copy))
    assert before == digest_of(making_code(PACKAGE))
    with (copy / changed).open("a") as file:
        file.write("\n")
    assert digest_of(making_code(copy)) != before


def test_an_installation_without_sources_has_a_fingerprint_too(tmp_path: Path) -> None:
    assert digest_of(making_code(tmp_path)) == digest_of([])
