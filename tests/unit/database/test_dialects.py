"""Only dialects know how kinds of databases differ: no other code asks which kind it speaks to."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from kobo_mirror.database.dialects import all_dialects, dialect_named, dialect_of_error, dialect_of_url
from kobo_mirror.database.dialects.base import Dialect

ROOT = Path(__file__).parents[3]
DIALECTS = "plugins/kobo_mirror/database/dialects/"
HISTORY = "plugins/kobo_mirror/store/migrations/versions/"
KINDS = ("sqlite", "mysql", "mariadb", "postgresql")
ABOUT_SERVERS = {"is_mariadb", "server_version_info", "paramstyle", "get_backend_name"}
EXEMPT = {
    "plugins/kobo_mirror/config/settings.py": "reads addresses, and may not know database",
    "plugins/kobo_mirror/airflow/hooks.py": "knows the types of Airflow's connections",
}


def names_a_kind(code: str) -> Iterator[int]:
    """Yield the lines that ask which kind of database something is."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute):
            of = getattr(node.value, "attr", getattr(node.value, "id", ""))
            if node.attr in ABOUT_SERVERS or (node.attr in ("name", "driver") and "dialect" in of):
                yield node.lineno
        if isinstance(node, ast.Compare) or (
            isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("startswith", "compiles")
        ):
            texts = [c.value for c in ast.walk(node) if isinstance(c, ast.Constant)]
            if any(isinstance(text, str) and text.startswith(KINDS) for text in texts):
                yield node.lineno


def files() -> list[str]:
    found = [path for place in ("plugins", "webhook") for path in (ROOT / place).rglob("*.py")]
    names = sorted(str(path.relative_to(ROOT)) for path in found)
    return [name for name in names if not name.startswith((DIALECTS, HISTORY))]


@pytest.mark.parametrize("file", files())
def test_only_dialects_know_kinds_of_databases(file: str) -> None:
    lines = list(names_a_kind((ROOT / file).read_text("utf-8")))
    assert bool(lines) == (file in EXEMPT), lines


@pytest.mark.parametrize(
    "code",
    [
        "if engine.dialect.name == kind: pass",
        "name = dialect.name",
        "if x == 'sqlite': pass",
        "if kind in ('mysql', 'mariadb'): pass",
        "if url.startswith('mysql+pymysql'): pass",
        "if dialect.is_mariadb: pass",
        "url.get_backend_name()",
    ],
)
def test_a_question_for_the_kind_of_database_is_found(code: str) -> None:
    assert list(names_a_kind(code))


@pytest.mark.parametrize("dialect", all_dialects(), ids=lambda dialect: dialect.names[0])
@pytest.mark.parametrize("name", sorted(Dialect.__abstractmethods__))
def test_a_dialect_answers_the_whole_interface(dialect: Dialect, name: str) -> None:
    asked, answered = getattr(Dialect, name), getattr(type(dialect), name)
    if callable(asked):
        assert list(inspect.signature(answered).parameters) == list(inspect.signature(asked).parameters)
    else:
        assert getattr(dialect, name) is not None
    with pytest.raises(TypeError, match=name):  # without it there is no such dialect
        type("Lacking", (type(dialect),), {name: asked})()


def test_each_name_has_one_dialect() -> None:
    names = [name for dialect in all_dialects() for name in dialect.names]
    assert len(names) == len(set(names))
    assert [dialect_named(name) for name in names] == [d for d in all_dialects() for _ in d.names]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("sqlite:////srv/kobo.sqlite", "sqlite"),
        ("mysql+pymysql://host/kobo", "mysql"),
        ("mysql+mysqldb://host/kobo", "mysql"),
        ("mariadb+pymysql://host/kobo", "mysql"),
    ],
)
def test_an_address_has_a_dialect(address: str, name: str) -> None:
    assert dialect_of_url(address) is dialect_named(name)


def test_another_kind_of_database_has_no_dialect() -> None:
    with pytest.raises(LookupError):
        dialect_of_url("postgresql://host/kobo")


def test_an_error_of_another_driver_has_no_dialect() -> None:
    assert dialect_of_error(ValueError("x")) is None
