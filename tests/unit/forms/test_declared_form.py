"""What a form table may not be declared as, and the sentence that says so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from kobo_mirror.errors import ConfigurationError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.declared_form import Column, Form, Kind
from tests.webhook.service import COMMAND, ROOT, environment

AGE = Column("age", "sec_c/cd_age", Kind.INTEGER)
TWICE = (
    "reads the question sec_c/cd_age into two columns, age and {}: take one out, and let a view show it twice"
)


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        ([AGE, Column("age_in_words", "sec_c/cd_age")], TWICE.format("age_in_words")),
        ([AGE, Column("years", "sec_c/cd_age", Kind.INTEGER, required=False)], TWICE.format("years")),
        ([AGE, Column("x", "x"), Column("years", "sec_c/cd_age", Kind.INTEGER)], TWICE.format("years")),
        ([AGE, Column("age", "other")], "names two columns age: give one another name"),
        ([AGE, Column("Age", "other")], "names two columns Age: give one another name"),
        *(
            ([AGE, Column(name, "other")], f"has its column {name} already: give it another name")
            for name in ("id", "kobo_id", "inserted_at", "updated_at", "ID")
        ),
    ],
)
def test_a_wrong_declaration_is_one_sentence(columns: Sequence[Column], what: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Form("people", tuple(columns))
    assert str(caught.value) == f"The declaration of the table people {what}."


def test_the_survey_is_declared_well() -> None:
    assert Form("again", KOBO_RECORDS.columns).columns == KOBO_RECORDS.columns


@pytest.mark.parametrize("program", ["the command line", "the webhook"])
def test_a_wrong_declaration_is_all_that_a_program_reports(tmp_path: Path, program: str) -> None:
    plugins = tmp_path / "plugins"
    shutil.copytree(ROOT / "plugins" / "kobo_mirror", plugins / "kobo_mirror")
    declared = plugins / "kobo_mirror" / "forms" / "declared" / "kobo_records.py"
    text = declared.read_text()
    again = '        Column("years", "sec_c/cd_age", Kind.INTEGER),\n'
    declared.write_text(text.replace('        Column("nationality"', f'{again}        Column("nationality"'))
    ours = environment(
        f"sqlite:///{tmp_path}/kobo.db", tmp_path / "tmp", PYTHONPATH=f"{plugins}{os.pathsep}{ROOT}"
    )
    command = [sys.executable, "-m", "kobo_mirror", "status"] if program == "the command line" else COMMAND
    folder = tmp_path if program == "the command line" else ROOT
    done = subprocess.run(
        command, cwd=folder, env=ours, capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode != 0, done.stdout) == (True, "")
    begin = "error: " if program == "the command line" else "The webhook cannot start. "
    assert done.stderr == f"{begin}The declaration of the table kobo_records {TWICE.format('years')}.\n"
