"""What the documents and ``.env.example`` say of several forms and the webhook's limits holds."""

from __future__ import annotations

import os
import re
import subprocess

from kobo_mirror.config.deliveries import form_secret
from kobo_mirror.forms.naming import is_reserved_column, is_reserved_table
from kobo_mirror.forms.system_columns import RESERVED_NAMES
from tests.support.mirroring import ROOT
from webhook.resources import IN_ALL, OF_A_FORM

FORMS, README, EXAMPLE = (
    (ROOT / name).read_text() for name in ("docs/forms.md", "README.md", ".env.example")
)


def test_the_names_that_are_ours_are_all_named() -> None:
    paragraph = FORMS.partition("**Names that are ours.**")[2].partition("\n\n")[0]
    ours, _, of_tables = paragraph.partition("Ours are ")[2].partition("No repeat is called ")
    columns, tables = (re.findall(r"`(\w+)`", part) for part in (ours, of_tables))
    assert set(columns) >= RESERVED_NAMES
    for name in columns:
        column = f"age{name}" if name.startswith("__") else name
        assert is_reserved_column(column, RESERVED_NAMES), name
    assert len(tables) == 7
    assert all(map(is_reserved_table, [*tables, "2", "fr", "fra"]))


def test_the_secret_of_a_path_is_made_by_the_commands_of_the_readme() -> None:
    (line,) = re.findall(r"^ +(secret=\$\(.*openssl.*\))$", README, re.MULTILINE)
    key, secret = "aXXXXXXXXXXXXXXXXXXXXX", "s3cret of the webhook"
    made = subprocess.run(
        ["sh", "-c", f'{line}; printf %s "$secret"'],
        env={"PATH": os.environ["PATH"], "key": key, "WEBHOOK_SECRET": secret},
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout == form_secret(secret, key)


def test_from_nothing_to_all_forms_ends_with_a_proof_of_every_answer() -> None:
    (last,) = re.findall(r"kobo_mirror forms --write &&\n.*sync &&\n *(.*)\n```", FORMS)
    assert last == "python -m kobo_mirror verify --full"


def test_the_limits_of_deliveries_are_those_of_the_webhook() -> None:
    limits = f"takes {IN_ALL.deliveries} deliveries at once, and {OF_A_FORM.deliveries} of one form"
    assert limits in README
    assert limits in EXAMPLE


def test_sections_that_the_example_cites_exist() -> None:
    cited = re.findall(r'\((README|docs/forms\.md), "([^"]+)"\)', EXAMPLE)
    assert len(cited) > 1
    for document, section in cited:
        text = README if document == "README" else FORMS
        assert re.search(rf"^#+ {re.escape(section)}$", text, re.MULTILINE), section
    assert "# WEBHOOK_BIND=127.0.0.1:8000\n" in EXAMPLE
