"""Surveys: small forms by their rows, and the schemas that become of their versions."""

from __future__ import annotations

from typing import Any

from kobo_mirror.forms.declared_form import Form
from kobo_mirror.forms.definition import read_version
from kobo_mirror.forms.derive import grow, nothing_yet
from kobo_mirror.forms.form_schema import FormSchema
from tests.support.forms.judging import UID

Row = dict[str, Any]


def ask(kind: str, *names: str, label: str = "") -> list[Row]:
    """Questions of one type."""
    return [{"type": kind, "name": name, **({"label": [label]} if label else {})} for name in names]


def repeat(name: str, *rows: list[Row]) -> list[Row]:
    """A repeat with rows."""
    within = [row for some in rows for row in some]
    return [{"type": "begin_repeat", "name": name}, *within, {"type": "end_repeat"}]


def group(name: str, *rows: list[Row]) -> list[Row]:
    """A group with rows."""
    within = [row for some in rows for row in some]
    return [{"type": "begin_group", "name": name}, *within, {"type": "end_group"}]


def survey(
    *versions: list[Row], uid: str = UID, name: str = "Survey", form: Form | None = None
) -> FormSchema:
    """The schema that becomes of versions, the first one of which is v1."""
    schema = nothing_yet(uid, name, form=form)
    for number, rows in enumerate(versions, 1):
        schema = grow(schema, read_version(f"v{number}", {"survey": rows}))
    return schema


V1 = [*ask("text", "name"), *ask("integer", "age"), *repeat("members", ask("text", "who"))]
V2 = [*V1[:-1], *ask("geopoint", "where"), *repeat("pets", ask("date", "born")), {"type": "end_repeat"}]
"""V1, with two births in the repeat: a question with facets, and a nested repeat."""
V3 = [*ask("text", "age", label="How old are you? 🎂"), *V2]
"""V2, with another kind of a question, and a label."""
