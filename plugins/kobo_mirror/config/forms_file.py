"""Forms file: what ``kobo.yml`` asks for the tables of forms, with the line of each wish.

The file is read as a tree of nodes and not as values: so a question named ``yes`` stays a text, a key that
stands twice is seen, and each error names a line. What a table may be named, and which types there are, is
judged in ``forms``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType

import yaml

from kobo_mirror.config.policies import ADDITIVE, AUTO, POLICIES, REVIEW
from kobo_mirror.config.settings import ASSET_ID, DEFAULT_FORMS_FILE, Settings
from kobo_mirror.errors import ConfigurationError

_OTHER_SPELLING = "kobo.yaml"
_KEYS_OF_FILE = ("forms",)
_KEYS_OF_FORM = ("uid", "table", "types", "schema")
_SHOWN_KEY = re.compile(r"[a-z_]{1,30}")  # an API token has digits
_SECRET_KEY = re.compile("token|secret|passw|login|credential|api_?key", re.IGNORECASE)
_PATH = re.compile(r"[^\s/]+(?:/[^\s/]+)*")
_NULL = "tag:yaml.org,2002:null"
_TEXTS = frozenset(  # what is written plainly is read as it is written, whatever YAML takes it for
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "timestamp", "value", "merge")
)
_NO_YAML = (
    "this is no YAML: look for a missing colon, blank or quote here and in the line before, and indent with "
    "blanks, not with tabs."
)


@dataclass(frozen=True)
class FormEntry:
    """What the file asks for one form.

    :param uid: of the form; empty: the file names none.
    :param table: the name of its main table; empty: none is asked for.
    :param types: path of a question → type, as it is written.
    :param schema: one of ``POLICIES``.
    :param file: the file's path, as the setting names it.
    :param lines: keys from the form on, such as ``("types", "hh/age")`` → line, from 1; ``()`` is the form's.
    """

    uid: str = ""
    table: str = ""
    types: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    schema: str = ADDITIVE
    file: str = DEFAULT_FORMS_FILE
    lines: Mapping[tuple[str, ...], int] = field(
        default_factory=lambda: MappingProxyType({}), compare=False, repr=False
    )

    def place(self, *keys: str) -> str:
        """Return where something is asked for, such as ``kobo.yml, line 4``.

        :param keys: as ``lines`` has them.
        """
        line = self.lines.get(keys)
        return self.file if line is None else f"{self.file}, line {line}"


def read_forms_file(settings: Settings) -> tuple[FormEntry, ...]:
    """Read the file that the settings name; the default one may be missing.

    :param settings: the settings of this process.
    :returns: the forms of the file, in its order; empty if there is none.
    :raises ConfigurationError: it cannot be read or is malformed. Its sentence names the line, and no value.
    """
    file = settings.kobo_forms_file
    try:
        raw = Path(file).read_bytes()
    except FileNotFoundError:
        if file == DEFAULT_FORMS_FILE and not Path(_OTHER_SPELLING).exists():
            return ()
        raise ConfigurationError(_missing(file)) from None
    except OSError as problem:
        raise ConfigurationError(
            f"The file {file}, which KOBO_FORMS_FILE names, cannot be read: {problem.strerror}."
        ) from None
    return _Reader(file).entries(raw)


def _missing(file: str) -> str:
    if file == DEFAULT_FORMS_FILE:
        return f"There is a file {_OTHER_SPELLING}: call it {file}, or name it in KOBO_FORMS_FILE."
    where = "here" if Path(file).is_absolute() else f"in {Path.cwd()}"
    return f"KOBO_FORMS_FILE names {file}, but there is no such file {where}."


class _Reader:
    """Read one file.

    :param file: its path, for sentences.
    """

    def __init__(self, file: str) -> None:
        self._file = file

    def entries(self, raw: bytes) -> tuple[FormEntry, ...]:
        root = self._tree(raw)
        if root is None or root.tag == _NULL:
            return ()
        forms = self._fields(root, 'the file must begin with "forms:".', _KEYS_OF_FILE).get("forms")
        if forms is None:
            return ()
        if not isinstance(forms[1], yaml.SequenceNode):
            raise self._refusal(forms[0], "forms must be a list, with a - before each form.")
        return tuple(map(self._entry, forms[1].value))

    def _tree(self, raw: bytes) -> yaml.Node | None:
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as problem:
            line = raw.count(b"\n", 0, problem.start) + 1
            raise self._refusal(line, "this is not UTF-8: save the file as UTF-8.") from None
        try:
            root: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
        except (yaml.YAMLError, RecursionError) as problem:  # its text would quote the file
            raise self._refusal(_line_of(problem, text), _NO_YAML) from None
        return root

    def _entry(self, node: yaml.Node) -> FormEntry:
        fields = self._fields(node, "a form must be lines such as table: households.", _KEYS_OF_FORM)
        lines: dict[tuple[str, ...], int] = {(name,): _line(key) for name, (key, _) in fields.items()}
        texts = {
            name: self._text(value, f"{name} must be a text.")
            for name, (_, value) in fields.items()
            if name != "types"
        }
        if "uid" in texts and not ASSET_ID.fullmatch(texts["uid"]):
            problem = "uid must be a form's uid: the 8 to 40 letters and digits after /forms/ in its address."
            raise self._refusal(fields["uid"][0], problem)
        if texts.get("schema", ADDITIVE) not in POLICIES:
            raise self._refusal(fields["schema"][0], f"schema must be {ADDITIVE}, {REVIEW} or {AUTO}.")
        types = self._types(fields["types"][1]) if "types" in fields else {}
        lines |= {("types", path): line for path, (_, line) in types.items()}
        lines[()] = _line(node)
        return FormEntry(
            uid=texts.get("uid", ""),
            table=texts.get("table", ""),
            types=MappingProxyType({path: text for path, (text, _) in types.items()}),
            schema=texts.get("schema", ADDITIVE),
            file=self._file,
            lines=MappingProxyType(lines),
        )

    def _types(self, node: yaml.Node) -> dict[str, tuple[str, int]]:
        """Return question path → its type and its line."""
        found = {}
        for path, (key, value) in self._fields(node, "types must be lines such as hh/age: integer.").items():
            if not _PATH.fullmatch(path):
                problem = "a question is named by its path: its groups and its own name, with / between them."
                raise self._refusal(key, problem)
            found[path] = self._text(value, "a type must be a word such as integer."), _line(key)
        return found

    def _fields(
        self, node: yaml.Node, shape: str, known: Sequence[str] | None = None
    ) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Return the keys of a mapping as texts, each with its node and the node of its value.

        :param shape: the sentence for what is no mapping.
        :param known: the keys that it may have; None: any.
        """
        if not isinstance(node, yaml.MappingNode):
            raise self._refusal(node, shape)
        found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            name = self._text(key, shape)
            if known is not None and name not in known:
                raise self._refusal(key, _not_known(name, known))
            if name in found:
                what = name if known else "this question"
                raise self._refusal(key, f"{what} stands here twice: first in line {_line(found[name][0])}.")
            found[name] = key, value
        return found

    def _text(self, node: yaml.Node, problem: str) -> str:
        if node.tag == _NULL or node.value == "":
            raise self._refusal(node, "a value is missing: add it, or leave the line out.")
        if not isinstance(node, yaml.ScalarNode) or node.tag not in _TEXTS:
            raise self._refusal(node, problem)
        return str(node.value)

    def _refusal(self, where: yaml.Node | int, problem: str) -> ConfigurationError:
        line = where if isinstance(where, int) else _line(where)
        return ConfigurationError(f"{self._file}, line {line}: {problem}")


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _line_of(problem: Exception, text: str) -> int:
    """Return the line of an error of PyYAML's, from 1."""
    if isinstance(problem, yaml.MarkedYAMLError) and (mark := problem.problem_mark or problem.context_mark):
        return int(mark.line) + 1
    position = getattr(problem, "position", 0)  # of a character that no YAML may have
    return text.count("\n", 0, position) + 1


def _not_known(name: str, known: Sequence[str]) -> str:
    """Return why a key is refused. It is named only if it cannot be a secret that stands in a wrong place."""
    if _SECRET_KEY.search(name):
        return "secrets do not belong into this file: set them in .env or the environment."
    shown = name if _SHOWN_KEY.fullmatch(name) else "this key"
    nearest = get_close_matches(name, known, 1)
    advice = f"did you mean {nearest[0]}?" if nearest else f"known: {', '.join(known)}."
    return f"{shown} is not known here; {advice}"
