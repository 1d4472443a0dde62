"""The fingerprint of a declaration is part of every digest: a stray change makes each mirror be read anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.declared_form import Column, Form, Kind

PINNED = "8985243cd4a08f4ab874d3d3011530dc"
COLUMN = Column("age", "sec_c/age", Kind.INTEGER)


def test_it_is_the_one_that_stored_digests_were_made_with() -> None:
    """Where this fails, put back what it was, or raise ``_READING`` and say it in the changelog."""
    assert KOBO_RECORDS.fingerprint.hex() == PINNED


CHANGES: list[dict[str, Any]] = [
    {"name": "years"},
    {"question": "sec_d/age"},
    {"kind": Kind.TEXT},
    {"required": False},
    {"default": "0"},
]


@pytest.mark.parametrize("change", CHANGES)
def test_it_changes_with_what_decides_about_a_row(change: dict[str, Any]) -> None:
    changed = Form("t", (replace(COLUMN, **change),))
    assert changed.fingerprint != Form("t", (COLUMN,)).fingerprint


def test_neither_an_index_nor_the_name_of_a_class_counts() -> None:
    class Renamed(Column):
        pass

    same = Form("t", (Renamed("age", "sec_c/age", Kind.INTEGER, indexed=True),))
    assert same.fingerprint == Form("t", (COLUMN,)).fingerprint


def test_columns_in_another_order_or_of_another_table_are_another_declaration() -> None:
    other = Column("sex", "sec_c/sex")
    forms = [Form("t", (COLUMN, other)), Form("t", (other, COLUMN)), Form("u", (COLUMN, other))]
    assert len({form.fingerprint for form in forms}) == 3
