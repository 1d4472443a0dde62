"""What the documentation names exists: targets, commands, paths, variables, tables, sentences, links."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest
from falcon.testing import TestClient

from kobo_mirror.cli.commands import main
from kobo_mirror.config.address import TLS_MODES
from kobo_mirror.config.settings import Settings
from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.definition import read_version
from kobo_mirror.forms.derive import derive
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.tables import form_table, metadata
from kobo_mirror.views.definitions import views_of
from simulator.options import Options
from simulator.survey import content
from webhook.app import Dependencies, create_app

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
PICTURES = sorted((ROOT / "docs").glob("*.svg"))
KEPT_BY_PEOPLE = {"kobo.yml", "forms/kobo.yml", "names.lock.yml"}
PRODUCT = ("dags", "plugins", "scripts", "webhook")
BESIDE_IT = ("benchmarks", "simulator", "tests")

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


@cache
def text_of(path: Path) -> str:
    return path.read_text("utf-8")


def code_in(text: str) -> list[str]:
    """Fenced blocks line by line, and spans of code."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    rest = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    spans = [span for _, span in re.findall(r"(?<!`)(`{1,2})(?!`)(.+?)(?<!`)\1(?!`)", rest)]
    return [line for block in blocks for line in block.splitlines()] + spans


def rows_in(text: str, *header: str) -> list[list[str]]:
    """The cells of the table with this header, formatting of code taken off."""
    lines = iter(text.splitlines())
    for line in lines:
        if cells(line) == list(header):
            next(lines)
            return [cells(row) for row in iter(lambda: next(lines, ""), "")]
    raise AssertionError(f"no table {header}")


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")] if line.startswith("|") else []


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders or (*PRODUCT, *BESIDE_IT):
        yield from (path for path in (ROOT / folder).rglob("*.py") if path != Path(__file__))


def anchors_of(document: Path) -> set[str]:
    """How GitHub names the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", text_of(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_document
def test_links_resolve(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(document)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        found = (document.parent / path).resolve() if path else document
        assert found.exists(), target
        assert not anchor or anchor in anchors_of(found), target


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.name)
def test_pictures_are_shown_described_and_fit_for_dark_mode(picture: Path) -> None:
    root = ElementTree.fromstring(text_of(picture))  # noqa: S314  # our own file
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert {"title", "desc"} <= names
    assert "script" not in names
    assert "prefers-color-scheme: dark" in text_of(picture)
    assert any(f"{picture.name})" in text_of(document) for document in DOCUMENTS)


@each_document
def test_make_targets_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    named = {name for code in code_in(text_of(document)) for name in re.findall(r"^make ([a-z-]+)", code)}
    assert named <= targets


def test_every_make_target_is_explained() -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", text_of(ROOT / "Makefile"), re.MULTILINE)
    documented = "\n".join(code for document in DOCUMENTS for code in code_in(text_of(document)))
    assert not [name for name in targets if f"make {name}" not in documented]


@each_document
def test_commands_and_their_options_exist(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    simulators = " ".join(f"--{name.replace('_', '-')}" for name in Options.__dataclass_fields__)
    for code in code_in(text_of(document)):
        for module, rest in re.findall(r"python -m ([\w.]+)([^`#|]*)", code):
            assert find_spec(module), code
            if module in {"simulator", "kobo_mirror"}:
                known = simulators if module == "simulator" else help_of(rest.split(), capsys)
                assert not [option for option in re.findall(r"--[a-z-]+", rest) if option not in known], code


def help_of(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*words[:1], "--help"])
    assert ended.value.code == 0, words
    return capsys.readouterr().out


def test_the_options_of_each_command_are_those_in_readme(capsys: pytest.CaptureFixture[str]) -> None:
    rows = rows_in(text_of(ROOT / "README.md"), "command", "what it does")
    commands = [row[0].strip("`").split()[-1] for row in rows]
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = re.findall(r"^    ([a-z-]+)", capsys.readouterr().out, re.MULTILINE)
    assert sorted(commands) == sorted(listed)
    for command, row in zip(commands, rows, strict=True):
        options = set(re.findall(r"--[a-z-]+", help_of([command], capsys))) - {"--help"}
        assert options == set(re.findall(r"--[a-z-]+", row[1])), command


@each_document
def test_paths_exist(document: Path) -> None:
    tops = {path.name for path in ROOT.iterdir()} | {".venv"}
    without_notes = re.sub(r"`[^`]+`(?= <!-- not there yet -->)", "", text_of(document))
    tokens = {token for code in code_in(without_notes) for token in re.findall(r"[\w./@-]+", code)}
    named = {token for token in tokens if "/" in token.strip("/") and token.split("/")[0] in tops}
    named |= {token for token in tokens if re.fullmatch(r"[\w.-]+\.(md|toml|txt|lock|yml)", token)}
    named = {name for name in named if not name.startswith(".venv/")} - KEPT_BY_PEOPLE
    assert not [
        name for name in named if not (ROOT / name).exists() and not (document.parent / name).exists()
    ]


@cache
def variables_of_code() -> set[str]:
    """Whatever our code, the compose file or .env.example takes from the environment."""
    ours = {name.upper() for name in Settings.__dataclass_fields__}
    ours |= set(re.findall(r"^#? ?([A-Z_]+)=", text_of(ROOT / ".env.example"), re.MULTILINE))
    ours |= set(re.findall(r"\$\{([A-Z_]+)", text_of(ROOT / "docker-compose.yml")))
    for path in sources():
        ours |= set(
            re.findall(
                r"(?:environ\.get\(|environ\[|(?:schedule|deadline)_from_env\()\"([A-Z_]+)\"", text_of(path)
            )
        )
    return ours


@each_document
def test_variables_exist(document: Path) -> None:
    name = r"\b[A-Z]+(?:_[A-Z]+)+\b"
    named = {found for code in code_in(text_of(document)) for found in re.findall(name, code)}
    assert not named - variables_of_code() - {"KOBO_RECORDS", *TLS_MODES}


def settings_in_readme() -> dict[str, str]:
    found: dict[str, str] = {}
    for row in rows_in(text_of(ROOT / "README.md"), "variable", "default", "meaning"):
        names = re.findall(r"`([^`]+)`", row[0])
        defaults = re.findall(r"`([^`]+)`", row[1]) or [row[1]] * len(names)
        found |= dict(zip(names, defaults, strict=True)) if names else {}
    return found


def test_readme_explains_every_setting_with_its_default() -> None:
    documented = settings_in_readme()
    for name, field in Settings.__dataclass_fields__.items():
        assert documented[name.upper()] == str(field.default or "–"), name
    for name, value in re.findall(r"^#? ?([A-Z_]+)=(.*)$", text_of(ROOT / ".env.example"), re.MULTILINE):
        assert name in documented
        assert not value or name.startswith("DATABASE") or documented[name] == value, name


def test_schedules_in_readme_are_those_of_the_dags() -> None:
    documented = settings_in_readme()
    for name in ("KOBO_SYNC_SCHEDULE", "KOBO_VERIFY_SCHEDULE"):
        dags = "".join(text_of(path) for path in (ROOT / "dags").glob("*.py"))
        assert f'schedule_from_env("{name}", "{documented[name]}")' in dags


def test_the_form_table_in_readme_is_the_one_in_the_database() -> None:
    table = form_table(KOBO_RECORDS)
    rows = rows_in(text_of(ROOT / "README.md"), "column", "type", "null", "question")
    assert [row[0].strip("`") for row in rows] == [column.name for column in table.columns]
    declared = {column.name: column for column in KOBO_RECORDS.columns}
    for (_, kind, null, question), column in zip(rows, table.columns, strict=True):
        assert (null == "yes") == column.nullable, column.name
        assert kind.partition(",")[0].removesuffix("(6)") == str(column.type), column.name
        assert ("indexed" in kind) == bool(column.index), column.name
        assert ("unique" in kind) == bool(column.unique), column.name
        if column.name in declared:
            default = declared[column.name].default
            assert re.findall(r"default `(\w+)`", kind) == ([default] if default else []), column.name
            assert question.strip("`") == declared[column.name].question


def test_the_other_tables_in_readme_are_those_in_the_database() -> None:
    rows = rows_in(text_of(ROOT / "README.md"), "table", "holds", "columns")
    documented = {row[0].strip("`"): re.findall(r"`(\w+)`", row[2]) for row in rows}
    assert documented == {name: list(table.columns.keys()) for name, table in metadata.tables.items()}


@each_document
def test_tables_and_views_named_exist(document: Path) -> None:
    survey = derive("aSurvey", "", [read_version("v1", content(media=True))], form=KOBO_RECORDS)
    known = {*metadata.tables, *(table.name for table in survey.tables), "kobo_rejected"}
    known |= {view.name for view in views_of(survey)}
    known |= {
        "kobo_id",
        "kobo_mirror",
        "kobo_sync",
        "kobo_conn_id",
        "kobo_replay",
        "kobo_verify",
        "kobo_default",
        "kobo_database",
        "kobo_api",
        "kobo_api__",
        "kobo_sync_all",
        "kobo_sync__",
        "kobo_eu",
        "kobo_kf",
    }
    named = {name for code in code_in(text_of(document)) for name in re.findall(r"\bkobo_[a-z_]+", code)}
    assert not named - known


def test_routes_in_readme_exist(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'mirror.db'}")
    mirror = Mirror(KOBO_RECORDS, "https://kobo.test", "aSomeForm0000000000001")
    client = TestClient(create_app(Dependencies(engine=engine, probe=engine, mirrors=[mirror], secrets=())))
    documented = code_in(text_of(ROOT / "README.md"))
    routes = {
        found.groups() for code in documented if (found := re.fullmatch(r"(GET|POST) (/[a-z/-]+)", code))
    }
    assert len(routes) >= 3
    for method, path in routes:
        assert client.simulate_request(method, path).status_code not in {404, 405}, path


@cache
def sentences_of_code() -> str:
    """Every text in the code, with … for what is filled in."""
    found: list[str] = []
    for path in sources(*PRODUCT):
        for node in ast.walk(ast.parse(text_of(path))):
            if isinstance(node, ast.JoinedStr):
                found.append("".join(v.value if isinstance(v, ast.Constant) else "…" for v in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    found += [re.sub(r"\$\w+", "…", text_of(path)) for path in (ROOT / "scripts").glob("*.sh")]
    return "\n".join([*found, text_of(ROOT / "docker-compose.yml")])


def test_symptoms_are_sentences_of_the_code() -> None:
    rows = rows_in(text_of(ROOT / "README.md"), "you see", "because", "do this")
    symptoms = [span for row in rows for span in code_in(row[0]) if len(span.split()) > 3]
    assert len(symptoms) > 15
    said = sentences_of_code()
    assert not [symptom for symptom in symptoms if any(part not in said for part in symptom.split("…"))]


def test_sections_that_docstrings_cite_exist() -> None:
    numbers = set(re.findall(r"^##+ ([\d.]+?)\.? ", text_of(ROOT / "docs" / "kobo-api.md"), re.MULTILINE))
    headings = set(re.findall(r"^##+ (.+)$", text_of(ROOT / "docs" / "architecture.md"), re.MULTILINE))
    cited: set[str] = set()
    for path in sources():
        flat = re.sub(r"\s+", " ", text_of(path))
        for citation in re.findall(r"kobo-api\.md ((?:§[\d.]+(?:, )?)+)", flat):
            cited |= {number.strip(".") for number in re.findall(r"[\d.]+", citation)}
        assert set(re.findall(r"docs/architecture\.md, \"([^\"]+)\"", flat)) <= headings, path
    assert cited
    assert cited <= numbers
