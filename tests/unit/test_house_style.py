"""House style that no linter checks: short files, documented parameters and results."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("plugins", "webhook", "simulator", "dags", "scripts", "benchmarks", "tests")
MOST_LINES = 300
DOCUMENTED = ("plugins/kobo_mirror", "webhook")
CALLBACK_FILES = ("migrations/versions/", "gunicorn.conf.py")
"""Modules whose functions Alembic and gunicorn name and call."""
CALLBACK_PARAMETERS = {
    *("req", "resp", "resource", "req_succeeded", "params"),  # falcon's responders and middleware
    *("context", "ti_key", "operator"),  # Airflow's operators and links
}
READ_AS_VALUES = {"property", "cached_property", "overload"}
SAYS_WHAT_IT_RETURNS = re.compile(r"\A(Return|Yield|Iterate)\b|^:(returns|yields):", re.MULTILINE)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def text_files() -> Iterator[Path]:
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def number_of_lines(path: Path) -> int:
    """Return the lines of a text; 0 for what is no UTF-8, such as a picture."""
    try:
        return len(path.read_text("utf-8").splitlines())
    except UnicodeDecodeError:
        return 0


def documented_modules() -> Iterator[Path]:
    for folder in DOCUMENTED:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not any(callbacks in path.as_posix() for callbacks in CALLBACK_FILES):
                yield path


def public_functions(body: list[ast.stmt]) -> Iterator[Function]:
    """Yield the public functions of a module, and the public methods of its public classes."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node.body)
        elif isinstance(node, Function) and not node.name.startswith("_"):
            yield node


def is_read_as_a_value(function: Function) -> bool:
    names = {getattr(one, "attr", getattr(one, "id", "")) for one in function.decorator_list}
    return bool(names & READ_AS_VALUES)


def parameters(function: Function) -> list[str]:
    """Return the names of the parameters to document; ``*args`` and ``**kwargs`` may go without."""
    taken = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
    left_out = {"self", "cls"} | CALLBACK_PARAMETERS
    return [one.arg for one in taken if one.arg not in left_out and not one.arg.startswith("_")]


def returns_something(function: Function) -> bool:
    return function.returns is not None and ast.unparse(function.returns) not in ("None", "NoReturn", "Never")


def missing_documentation(source: str) -> list[str]:
    """Return a sentence for each public function that leaves a parameter or its result undocumented."""
    found = []
    for function in public_functions(ast.parse(source).body):
        if is_read_as_a_value(function):
            continue
        docstring = ast.get_docstring(function) or ""
        missing = [f":param {name}:" for name in parameters(function) if f":param {name}:" not in docstring]
        if returns_something(function) and not SAYS_WHAT_IT_RETURNS.search(docstring):
            missing.append(":returns:")
        if missing:
            found.append(f"line {function.lineno}, {function.name}: {', '.join(missing)}")
    return found


def test_no_file_is_longer_than_300_lines() -> None:
    long = {str(path.relative_to(ROOT)): number_of_lines(path) for path in text_files()}
    assert {name: lines for name, lines in long.items() if lines > MOST_LINES} == {}


@pytest.mark.parametrize("path", list(documented_modules()), ids=lambda path: str(path.relative_to(ROOT)))
def test_public_functions_document_what_they_take_and_return(path: Path) -> None:
    assert missing_documentation(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ("def f(a): 'Do it.'", "line 1, f: :param a:"),
        ("def f(*, a): 'Do it.'", "line 1, f: :param a:"),
        ("async def f(a, /): 'Do it.'", "line 1, f: :param a:"),
        ("def f(a):\n    '''Do it.\n\n    :param ab: not this one.\n    '''", "line 1, f: :param a:"),
        ("def f() -> int: 'Do it.'", "line 1, f: :returns:"),
        ("def f(a) -> int | None: pass", "line 1, f: :param a:, :returns:"),
        ("class C:\n    def f(self, a): 'Do it.'", "line 2, f: :param a:"),
    ],
)
def test_a_public_function_without_documentation_is_found(source: str, missing: str) -> None:
    assert missing_documentation(source) == [missing]


@pytest.mark.parametrize(
    "source",
    [
        "def f(): 'Do it.'",
        "def f() -> None: 'Do it.'",
        "def f() -> int: 'Return a number.'",
        "def f(a) -> int:\n    '''Do it.\n\n    :param a: a number.\n    :returns: another one.\n    '''",
        "def _f(a) -> int: 'Do it.'",
        "class _C:\n    def f(self, a) -> int: 'Do it.'",
        "class C:\n    @property\n    def f(self) -> int: 'A number.'",
        "class C:\n    def on_get(self, req, resp): 'Show it.'",
        "class C:\n    def execute(self, context): 'Do it.'",
    ],
)
def test_documented_private_and_callback_functions_are_not_found(source: str) -> None:
    assert missing_documentation(source) == []
