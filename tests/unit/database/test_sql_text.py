"""SQL text stands in the code; names and values get into it as parts: see ``kobo_mirror.database.sql``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PLACES = ("plugins", "webhook", "scripts", "dags", "benchmarks")
TAKES_TEXT = {"Sql", "text", "exec_driver_sql", "literal_column", "DDL"}
EXEMPT = {
    "plugins/kobo_mirror/database/sql.py": "composes",
    "plugins/kobo_mirror/database/dialects/mysql/messages.py": "joins statements to a message",
    "plugins/kobo_mirror/database/dialects/sqlite/dialect.py": "executes what was composed",
    "plugins/kobo_mirror/store/migrations/versions/m0001_first_tables.py": "chooses between two words",
    "benchmarks/contestants/bare.py": "is the script that uses no library of ours",
    "benchmarks/contestants/bare_form.py": "is the same for any form",
}


def built(code: str) -> Iterator[int]:
    """The lines where something takes SQL text that is put together or comes from elsewhere."""
    tree = ast.parse(code)
    put_together = set(names_put_together(tree))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name, given = called(node), node.args[0]
        is_named = isinstance(given, ast.Name) and given.id in put_together
        if name in TAKES_TEXT and (is_named or not isinstance(given, ast.Constant | ast.IfExp | ast.Name)):
            yield node.lineno
        if name == "execute" and (is_named or is_put_together(given)):
            yield node.lineno


def called(node: ast.Call) -> str:
    """The name of the function or method that is called."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def is_put_together(node: ast.AST | None) -> bool:
    """Whether an expression puts a text together."""
    by_method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    of_text = by_method and isinstance(node.func.value, ast.Constant)  # a Sql of ours has these methods, too
    return isinstance(node, ast.JoinedStr | ast.BinOp) or (of_text and called(node) in {"format", "join"})


def names_put_together(tree: ast.AST) -> Iterator[str]:
    """The names that are given a text which is put together, anywhere in a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and is_put_together(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def files() -> list[str]:
    found = [path for place in PLACES for path in (ROOT / place).rglob("*.py")]
    return sorted(str(path.relative_to(ROOT)) for path in found)


@pytest.mark.parametrize("file", files())
def test_no_statement_is_built_from_strings(file: str) -> None:
    lines = list(built((ROOT / file).read_text("utf-8")))
    assert bool(lines) == (file in EXEMPT), lines


@pytest.mark.parametrize(
    "code",
    [
        'Sql(f"SELECT {x}")',
        'Sql("SELECT %s" % x)',
        'Sql("SELECT " + x)',
        'Sql("SELECT {}".format(x))',
        'Sql(", ".join(x))',
        'connection.execute(text(f"SELECT {x}"))',
        'connection.exec_driver_sql(f"SELECT {x}")',
        'cursor.execute(f"SET {x}")',
        'cursor.execute("SET %s" % x)',
        'cursor.execute("SET {}".format(x))',
        'cursor.execute(", ".join(x))',
        'query = f"SELECT {x}"; connection.exec_driver_sql(query)',
        'query: str = "SELECT " + x; cursor.execute(query)',
        'query = "SELECT "; query += x; connection.execute(text(query))',
    ],
)
def test_a_statement_built_from_strings_is_found(code: str) -> None:
    assert list(built(code)) == [1]
