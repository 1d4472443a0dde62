"""YAML tree: a file of settings as nodes and not as values, so that each error names a line.

So a question named ``yes`` stays a text, and a key that stands twice is seen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

import yaml

from kobo_mirror.errors import ConfigurationError

_SHOWN_KEY = re.compile(r"[a-z_]{1,30}")  # an API token has digits
_SECRET_KEY = re.compile("token|secret|passw|login|credential|api_?key", re.IGNORECASE)
_NULL = "tag:yaml.org,2002:null"
_TEXTS = frozenset(  # what is written plainly is read as it is written, whatever YAML takes it for
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "timestamp", "value", "merge")
)
_NO_YAML = (
    "this is no YAML: look for a missing colon, blank or quote here and in the line before, and indent with "
    "blanks, not with tabs."
)

Fields = dict[str, tuple[yaml.Node, yaml.Node]]
"""The keys of a mapping as texts, each with its node and the node of its value."""


class YamlTree:
    """Read one file.

    :param file: its path, for sentences.
    """

    def __init__(self, file: str) -> None:
        self.file = file

    def forms(self, raw: bytes, known: Sequence[str]) -> list[yaml.Node]:
        """Return what a file lists under ``forms``; nothing where it says nothing.

        :param raw: the content of the file.
        :param known: the keys that the file may have.
        :raises ConfigurationError: it is no such file.
        """
        return self.listed_forms(self.file_fields(raw, known))

    def file_fields(self, raw: bytes, known: Sequence[str]) -> Fields:
        """Return what stands at the top of the file; nothing where it says nothing.

        :param raw: the content of the file.
        :param known: the keys that the file may have.
        :raises ConfigurationError: it is no such file.
        """
        root = self._root(raw)
        if root is None or root.tag == _NULL:
            return {}
        keys = [f'"{name}:"' for name in known]
        return self.fields(root, f"the file must begin with {' or '.join(keys)}.", known)

    def listed_forms(self, fields: Fields) -> list[yaml.Node]:
        """Return the items of ``forms``; none where it is not there.

        :param fields: the keys at the top of the file.
        :raises ConfigurationError: it is no list.
        """
        forms = fields.get("forms")
        if forms is None or forms[1].tag == _NULL:
            return []
        return self.items(forms[1], "forms must be a list, with a - before each form.", forms[0])

    def _root(self, raw: bytes) -> yaml.Node | None:
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as problem:
            line = raw.count(b"\n", 0, problem.start) + 1
            raise self.refusal(line, "this is not UTF-8: save the file as UTF-8.") from None
        try:
            root: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
        except (yaml.YAMLError, RecursionError) as problem:  # its text would quote the file
            raise self.refusal(_line_of_error(problem, text), _NO_YAML) from None
        return root

    def items(self, node: yaml.Node, shape: str, where: yaml.Node | None = None) -> list[yaml.Node]:
        """Return what a list has.

        :param node: of the list.
        :param shape: the sentence for what is no list.
        :param where: the node whose line is named then, if not its own.
        :returns: the nodes of its items.
        :raises ConfigurationError: it is no list.
        """
        if not isinstance(node, yaml.SequenceNode):
            raise self.refusal(where or node, shape)
        return list(node.value)

    def fields(
        self,
        node: yaml.Node,
        shape: str,
        known: Sequence[str] | None = None,
        *,
        what: str = "this question",
    ) -> Fields:
        """Return the keys of a mapping as texts, each with its node and the node of its value.

        :param node: of the mapping.
        :param shape: the sentence for what is no mapping.
        :param known: the keys that it may have; None: any.
        :param what: a key is, where any may stand there.
        :raises ConfigurationError: it is no mapping, or a key is unknown or stands twice.
        """
        if not isinstance(node, yaml.MappingNode):
            raise self.refusal(node, shape)
        found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            name = self.text(key, shape)
            if known is not None and name not in known:
                raise self.refusal(key, _not_known(name, known))
            if name in found:
                shown, first = name if known else what, line_of(found[name][0])
                raise self.refusal(key, f"{shown} stands here twice: first in line {first}.")
            found[name] = key, value
        return found

    def text(self, node: yaml.Node, problem: str) -> str:
        """Return what is written as it is written.

        :param node: of a key or value.
        :param problem: the sentence for what is no text.
        :raises ConfigurationError: it is no text, or nothing.
        """
        if node.tag == _NULL or node.value == "":
            raise self.refusal(node, "a value is missing: add it, or leave the line out.")
        if not isinstance(node, yaml.ScalarNode) or node.tag not in _TEXTS:
            raise self.refusal(node, problem)
        return str(node.value)

    def refusal(self, where: yaml.Node | int, problem: str) -> ConfigurationError:
        """Return the error for something that is wrong.

        :param where: it is, a node or a line.
        :param problem: a sentence without its first words, which name the place.
        """
        line = where if isinstance(where, int) else line_of(where)
        return ConfigurationError(f"{self.file}, line {line}: {problem}")


def line_of(node: yaml.Node) -> int:
    """Return the line of a node, from 1.

    :param node: of a file.
    """
    return int(node.start_mark.line) + 1


def _line_of_error(problem: Exception, text: str) -> int:
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
