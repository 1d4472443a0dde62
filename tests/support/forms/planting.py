"""Planting: a form with every kind of table, and what changes its rows by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, Table, delete, insert, select, text, update

from kobo_mirror.store.catalog_tables import rejected_cells, tables
from simulator import survey
from simulator.form_file import FormSetup, survey_setup
from simulator.options import Options
from tests.support.forms.surveys import ask, repeat

ASSET = "aFormOfPlantedFaults01"
ROWS = [
    *ask("text", "nickname", label="How are you called?"),
    *ask("integer", "shoes"),
    *ask("geopoint", "place"),
    *ask("image", "picture"),
    {"type": "select_one fruits", "name": "fruit"},
    *ask("text", *(f"q{number}" for number in range(200))),
    *repeat("members", ask("text", "who"), repeat("pets", ask("text", "pet"))),
]
ANSWERS: Mapping[str, Any] = {
    "nickname": "Ann",
    "shoes": "large",
    "place": "1.5 2.5 3 4",
    "picture": "a.png",
    "fruit": "kiwi",
    "q0": "first",
    "q199": "last",
    "unknown": "?",
    "members": [
        {
            "members/who": f"m{number}",
            "members/unknown": "?",
            "members/pets": [{"members/pets/pet": f"p{pet}"} for pet in range(2)],
        }
        for number in range(2)
    ],
}


class Planting:
    """Writes to the tables of a form past the mirror."""

    def __init__(self, engine: Engine, root: str) -> None:
        self.engine = engine
        with engine.connect() as connection:
            found = connection.execute(select(tables)).mappings().all()
        names = {(row["kind"], row["path"]): row["table_name"] for row in found}
        roles = {
            "root": root, "part": names["part", ""], "repeat": names["repeat", "members"],
            "nested": names["repeat", "members/pets"], "files": names["files", ""],
        }  # fmt: skip
        self.tables = {role: Table(name, MetaData(), autoload_with=engine) for role, name in roles.items()}
        self.tables["rejected"] = rejected_cells

    def alter(self, role: str, kobo_id: int, cells: Mapping[str, Any], **where: Any) -> None:
        """Change cells of rows of a submission."""
        self._run(update(self.tables[role]).values(cells), role, kobo_id, where)

    def remove(self, role: str, kobo_id: int, **where: Any) -> None:
        """Take rows of a submission out."""
        self._run(delete(self.tables[role]), role, kobo_id, where)

    def remove_all(self, kobo_id: int) -> None:
        """Take all of its rows out."""
        for role in self.tables:
            self.remove(role, kobo_id)

    def copy(self, role: str, kobo_id: int, changes: Mapping[str, Any], **where: Any) -> None:
        """Write a row of it once more, with other cells."""
        table = self.tables[role]
        with self._connection() as connection:
            query = select(table).where(table.c.kobo_id == kobo_id).filter_by(**where).limit(1)
            row = dict(connection.execute(query).mappings().one())
            connection.execute(insert(table).values(row | dict(changes)))

    def _run(self, statement: Any, role: str, kobo_id: int, where: Mapping[str, Any]) -> None:
        with self._connection() as connection:
            chosen = statement.where(self.tables[role].c.kobo_id == kobo_id)
            for name, cell in where.items():
                chosen = chosen.where(self.tables[role].c[name] == cell)
            assert connection.execute(chosen).rowcount

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        is_server = self.engine.dialect.name != "sqlite"
        with self.engine.begin() as connection:
            if is_server:
                connection.execute(text("SET foreign_key_checks = 0"))
            yield connection
            if is_server:
                connection.execute(text("SET foreign_key_checks = 1"))


Plant = Callable[[Planting, int], None]


def alter(role: str, cells: Mapping[str, Any], **where: Any) -> Plant:
    """What will change cells of a submission."""
    return lambda planting, kobo_id: planting.alter(role, kobo_id, cells, **where)


def remove(role: str, **where: Any) -> Plant:
    """What will take rows out of a submission."""
    return lambda planting, kobo_id: planting.remove(role, kobo_id, **where)


def copy(role: str, changes: Mapping[str, Any], **where: Any) -> Plant:
    """What will copy a row with changes of a submission."""
    return lambda planting, kobo_id: planting.copy(role, kobo_id, changes, **where)


def setup_of(form: str) -> FormSetup:
    """The form, or the survey that asks the same beside its own questions."""
    choices = [{"list_name": "fruits", "name": "kiwi", "label": ["Kiwi"]}]
    further = {"schema": "1", "survey": ROWS, "choices": choices, "translations": [None]}
    if form == "derived":
        return FormSetup(uid=ASSET, name="Planted", formhub_uuid="f" * 32, contents=(further,), rows=0)
    content = survey.content(media=False)
    joined = content | {
        "survey": content["survey"] + ROWS,
        "choices": [*content.get("choices", []), *choices],
    }
    made = survey_setup(Options(rows=0))
    return FormSetup(
        uid=ASSET, name=made.name, formhub_uuid=made.formhub_uuid, contents=(joined,), rows=0, survey=True
    )
