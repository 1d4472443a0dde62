"""Households: a form whose tables are exported, with the commands that do it."""

from __future__ import annotations

from typing import Any

from tests.support.forms.any_mirror import AnyMirror
from tests.support.terminal import Terminal

NAME = "households"
LANGUAGES = ["English (en)", "Français (fr)"]
HYPERLINK = '=HYPERLINK("http://evil.test","Click")'


def form() -> dict[str, Any]:
    """Households with their members, in two languages, one label of which would run in Excel, one in dbt."""
    return {
        "schema": "1",
        "translations": LANGUAGES,
        "survey": [
            {"type": "text", "name": "village", "label": ["Village", "Village"], "hint": ["Where?", "Où ?"]},
            {"type": "select_one", "name": "district", "select_from_list_name": "d", "label": ["District"]},
            {"type": "select_multiple", "name": "needs", "select_from_list_name": "d"},
            {"type": "decimal", "name": "area"},
            {"type": "datetime", "name": "seen"},
            {"type": "geopoint", "name": "place"},
            {"type": "geoshape", "name": "field"},
            {"type": "begin_repeat", "name": "members"},
            {"type": "integer", "name": "age"},
            {"type": "end_repeat"},
        ],
        "choices": [
            {"list_name": "d", "name": "n", "label": ["North", "{{ Nord }}"]},
            {"list_name": "d", "name": "s", "label": [HYPERLINK, None]},
        ],
        "settings": {},
        "translated": ["label", "hint"],
    }


class Households:
    """A mirror of that form, in whose folder commands run."""

    def __init__(self, mirror: AnyMirror, terminal: Terminal) -> None:
        self.mirror, self.run = mirror, terminal.run
        terminal.set_as_in_env_file(mirror)

    def add(self, *ages: int, **answers: str) -> int:
        """Submit a household with members of these ages; return its number."""
        (kobo_id,) = self.mirror.control.create(1)
        asked = {row["name"] for row in form()["survey"] if "name" in row}
        told = {**answers, "members": [{"members/age": str(age)} for age in ages]}
        self.mirror.control.raw(kobo_id, told, asked - {*told})
        return int(kobo_id)

    def sync(self) -> None:
        self.mirror.sync()

    def export(self, file: str, *options: str) -> str:
        """Export, and return what was said."""
        code, out, error = self.run("export", NAME, "--to", file, *options)
        assert (code, error) == (0, "")
        return out
