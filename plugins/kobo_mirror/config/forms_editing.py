"""Forms editing: entries are added to ``kobo.yml`` and taken out; all else of it stays as it is written."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

from kobo_mirror.config.forms_file import FormEntry, parse_forms_file
from kobo_mirror.config.yaml_tree import YamlTree
from kobo_mirror.errors import ConfigurationError

_FORMS = "forms"
_BOM = "\ufeff"
_BY_HAND = "write one form under the other, each behind a -, to have this done for you; or do it by hand."


@dataclass(frozen=True)
class NewEntry:
    """A form to be named.

    :param uid: its uid.
    :param table: the name of its main table.
    :param name: as people know it, for a comment.
    """

    uid: str
    table: str
    name: str = ""

    @property
    def lines(self) -> list[str]:
        """The lines of the file, from the dash on."""
        told = "".join(c for c in " ".join(self.name.split()) if c.isprintable())
        return [f"- uid: {self.uid}{f'  # {told}' if told else ''}", f"  table: {self.table}"]


def lines_of(entries: Sequence[NewEntry], indent: int = 2) -> list[str]:
    """Return the lines that name forms.

    :param entries: the forms.
    :param indent: blanks before each dash.
    """
    return [f"{' ' * indent}{line}" for entry in entries for line in entry.lines]


def with_entries(file: str, text: str, entries: Sequence[NewEntry]) -> str:
    """Return the file with further forms at the end of its list.

    :param file: its path, for sentences.
    :param text: its content; empty: there is none yet.
    :param entries: the forms.
    :raises ConfigurationError: the list is written in a way that no lines can be added to.
    """
    lines = _Lines(text)
    forms = _forms_of(text)
    if forms is None:
        lines.insert(len(lines.lines), [f"{_FORMS}:", *lines_of(entries)])
    else:
        key, node = forms
        if isinstance(node, yaml.SequenceNode) and node.value and not node.flow_style:
            last, indent = node.value[-1], node.start_mark.column
            lines.insert(lines.after(_last_line(last), indent), lines_of(entries, indent))
        elif node.start_mark.line == key.start_mark.line and not node.value:
            lines.replace(node.start_mark, node.end_mark)
            lines.insert(key.start_mark.line + 1, lines_of(entries))
        else:
            raise YamlTree(file).refusal(key, _BY_HAND)
    return _checked(file, text, lines.text, added=[entry.uid for entry in entries])


def without_entry(file: str, text: str, number: int) -> str:
    """Return the file without one of its forms.

    :param file: its path, for sentences.
    :param text: its content.
    :param number: of the form in the list, from 0.
    :raises ConfigurationError: the list is written in a way that no lines can be taken from.
    """
    forms = _forms_of(text)
    assert forms is not None  # noqa: S101  # the caller has found the form there
    key, node = forms
    if not isinstance(node, yaml.SequenceNode) or node.flow_style:
        raise YamlTree(file).refusal(key, _BY_HAND)
    lines, item = _Lines(text), node.value[number]
    first = item.start_mark.line
    while not lines.lines[first].lstrip(" ").startswith("-"):
        first -= 1
    del lines.lines[first : lines.after(_last_line(item), node.start_mark.column)]
    return _checked(file, text, lines.text, removed=number)


def write_forms_file(file: str, text: str) -> None:
    """Write the file whole or not at all.

    :param file: its path.
    :param text: its content.
    :raises ConfigurationError: it cannot be written.
    """
    path = Path(file).resolve()
    made = None
    try:
        with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}.", delete=False) as new:
            made = Path(new.name)
            new.write(text.encode())
        if path.exists():
            shutil.copymode(path, made)
        else:
            made.chmod(0o644)
        made.replace(path)
    except OSError as problem:
        with suppress(OSError):
            if made is not None:
                made.unlink()
        raise ConfigurationError(f"The file {file} cannot be written: {problem.strerror}.") from None


def _forms_of(text: str) -> tuple[yaml.Node, yaml.Node] | None:
    """Return the key and the value of the list; None where it is not there. The file is well formed."""
    root = yaml.compose(text.removeprefix(_BOM), Loader=yaml.SafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    return next(((key, value) for key, value in pairs if key.value == _FORMS), None)


def _last_line(node: yaml.Node) -> int:
    """Return the last line of a node, from 0. PyYAML has a block end where the next thing begins."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_line(last[1] if isinstance(last, tuple) else last)
    end = node.end_mark
    return int(end.line) - (end.column == 0 and end.line > node.start_mark.line)


class _Lines:
    """The lines of a file, without their ends."""

    def __init__(self, text: str) -> None:
        self._end = "\r\n" if "\r\n" in text else "\n"
        self._bom = _BOM if text.startswith(_BOM) else ""
        self.lines = text.removeprefix(_BOM).splitlines()

    @property
    def text(self) -> str:
        """All of them."""
        return self._bom + "".join(f"{line}{self._end}" for line in self.lines)

    def insert(self, at: int, further: Sequence[str]) -> None:
        """Insert lines before one."""
        self.lines[at:at] = further

    def replace(self, start: yaml.Mark, end: yaml.Mark) -> None:
        """Cut a part of one line."""
        line = self.lines[start.line]
        self.lines[start.line] = f"{line[: start.column].rstrip()}{line[end.column :]}"

    def after(self, last: int, indent: int) -> int:
        """Return the line behind an item, with the comments that are indented as its contents are."""
        end = last + 1
        for number in range(end, len(self.lines)):
            found = re.match(r"( *)(#?)", self.lines[number])
            if found is None or (found[0] == "" and self.lines[number]) or not found[2]:
                if self.lines[number].strip():
                    break
                continue
            if len(found[1]) <= indent:
                break
            end = number + 1
        return end


def _checked(
    file: str, before: str, after: str, *, added: Sequence[str] = (), removed: int | None = None
) -> str:
    """Return the new content if it says of all other forms what the old one did."""
    kept = [entry for number, entry in enumerate(_entries(file, before)) if number != removed]
    with suppress(ConfigurationError):
        new = _entries(file, after)
        uids = [entry.uid for entry in new]
        if new[: len(kept)] == kept and uids == [*(entry.uid for entry in kept), *added]:
            return after
    raise YamlTree(file).refusal(1, f"this file is written in a way that cannot be edited: {_BY_HAND}")


def _entries(file: str, text: str) -> list[FormEntry]:
    return list(parse_forms_file(file, text.encode()).entries)
