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
}


def built(code: str) -> Iterator[int]:
    """The lines where something takes SQL text that is put together or comes from elsewhere."""
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        given = node.args[0]
        if name in TAKES_TEXT and not isinstance(given, ast.Constant | ast.IfExp | ast.Name):
            yield node.lineno
        if name == "execute" and isinstance(given, ast.JoinedStr | ast.BinOp):
            yield node.lineno


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
    ],
)
def test_a_statement_built_from_strings_is_found(code: str) -> None:
    assert list(built(code)) == [1]
