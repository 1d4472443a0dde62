"""Names lock: the names that a form has as ``names.lock.yml`` keeps them, and what is taken from there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from kobo_mirror.config.names_lock import LockedColumn, LockedForm, LockedTable
from kobo_mirror.forms import naming, system_columns
from kobo_mirror.forms.declared import FORM
from kobo_mirror.forms.form_schema import VALUE, FormSchema, TableKind
from kobo_mirror.forms.locked_names import (
    FACET_NAMES,
    NO_NAMES,
    Chain,
    ColumnKey,
    LockedNames,
    facet_kind,
)
from kobo_mirror.forms.question_types import Kind
from kobo_mirror.forms.taken_names import TakenNames
from kobo_mirror.forms.wanted import WantedForm

_LONGEST_NAME = 63
_KINDS = [kind.value for kind in Kind]
_IN_FILE, _IN_DATABASE = "in the lock file", "in the database"
_WITH_ROWS_OF_ANSWERS = (TableKind.MAIN, TableKind.REST, TableKind.REPEAT)


def lock_of(schema: FormSchema) -> LockedForm:
    """Return the names of a form's tables and columns, by what they hold.

    Names that follow from others, those of parts and of the system's columns, are left out, and so is all
    of a declared table. The order is that of paths, so that it does not tell when what was born.

    :param schema: of the form.
    """
    tables = sorted((t for t in schema.tables if t.kind in _WITH_ROWS_OF_ANSWERS), key=lambda t: t.chain)
    return LockedForm(
        schema.asset_uid,
        schema.form_name,
        tuple(
            LockedTable(
                table.name,
                table.chain,
                tuple(
                    LockedColumn(c.name, c.path, c.facet, c.kind.value if c.facet == VALUE else "")
                    for c in sorted(table.columns, key=lambda c: (c.path, c.facet != VALUE, c.name))
                    if c.path
                ),
            )
            for table in tables
        ),
    )


def locked_form(forms: Sequence[LockedForm], asset_uid: str) -> LockedForm | None:
    """Return what the file has of a form, or None.

    :param forms: of the file.
    :param asset_uid: the form's uid.
    :raises ConfigurationError: it has the form twice.
    """
    found = [form for form in forms if form.uid == asset_uid]
    if len(found) > 1:
        first, second, *_ = found
        raise second.refusal(
            second.line, f"this form stands here twice: first in line {first.line}. Leave one out."
        )
    return found[0] if found else None


def locked_names(form: LockedForm | None) -> LockedNames:
    """Return the names of a form's tables and columns that what is born takes.

    :param form: what the file has of it; None: nothing.
    :raises ConfigurationError: a name is none that a table or column can have, or stands there twice.
    """
    if form is None:
        return NO_NAMES
    _check_form(form)
    columns = {table.repeats: _checked_columns(form, table) for table in form.tables}
    return LockedNames(
        form.name, {table.repeats: table.name for table in form.tables if table.repeats}, columns
    )


def require_free_names(
    form: LockedForm, wanted: WantedForm, taken: TakenNames, *, is_declared: bool = False
) -> None:
    """Check that a form that has no tables yet can have the name of the file.

    :param form: what the file has of it.
    :param wanted: what ``kobo.yml`` asks for.
    :param taken: the names that the form cannot have.
    :param is_declared: the form is to have the declared table.
    :raises ConfigurationError: ``kobo.yml`` asks for another name, or the name is taken or another kind's.
    """
    if (form.name == FORM.table) is not is_declared:
        has = "has" if is_declared else "does not have"
        raise form.refusal(
            form.line,
            f"the form is named {form.name} here, and {has} the table {FORM.table}: take the form out here.",
        )
    if wanted.table not in (None, form.name):
        raise form.refusal(
            form.line,
            f"the form is named {form.name} here, and {wanted.entry.place('table')} asks for another name: "
            "write the same, or take the form out here.",
        )
    otherwise = "take the form out here"
    if wanted.table:
        otherwise += f", and ask for another name in {wanted.entry.place('table')}"
    problem = None if form.name == FORM.table else taken.why_not(form.name, otherwise)
    if problem:
        raise form.refusal(form.line, problem)


def differences(schema: FormSchema, form: LockedForm, *, only_moved: bool = False) -> list[str]:
    """Return how the names of a form differ from those in the file.

    :param schema: of the form.
    :param form: what the file has of it.
    :param only_moved: leave out what the file does not have yet.
    :returns: a few words each; none: nothing differs.
    """
    mine, others = ({t.repeats: t for t in one.tables} for one in (lock_of(schema), form))
    found = []
    for chain in sorted({*mine, *others}):
        table, locked = mine.get(chain), others.get(chain)
        what = " > ".join(chain) or "the form"
        if table is None:
            found.append(f"the table {others[chain].name} of {what} is only {_IN_FILE}")
        elif locked is None:
            if only_moved:
                continue
            found.append(f"the table {table.name} of {what} is only {_IN_DATABASE}")
        else:
            if table.name != locked.name:
                found.append(f"the table of {what} is {table.name}, and {locked.name} {_IN_FILE}")
            found += _differing_columns(table, locked, only_moved=only_moved)
    return found


def _differing_columns(table: LockedTable, locked: LockedTable, *, only_moved: bool) -> Iterator[str]:
    mine, others = _by_key(table), _by_key(locked)
    for key in sorted({*mine, *others}):
        name, other = mine.get(key), others.get(key)
        path, facet, kind = key
        what = f"{path} ({kind if facet == VALUE else facet})"
        if other is None and only_moved:
            continue
        if name is None or other is None:
            where = _IN_FILE if name is None else _IN_DATABASE
            yield f"the column {table.name}.{name or other} of {what} is only {where}"
        elif name != other:
            yield f"the column of {what} is {table.name}.{name}, and {other} {_IN_FILE}"


def _by_key(table: LockedTable) -> dict[tuple[str, str, str], str]:
    return {(column.path, column.facet, column.kind): column.name for column in table.columns}


def _check_form(form: LockedForm) -> None:
    if form.name != FORM.table and not naming.may_be_form_name(form.name, form.uid):
        raise form.refusal(form.line, "no form's tables can have this name.")
    seen: dict[str, LockedTable] = {}
    chains: set[Chain] = set()
    for table in form.tables:
        if not _may_be_table(form.name, table):
            raise form.refusal(table.line, "no table of this form and of these repeats can have this name.")
        twin = seen.setdefault(naming.fold(table.name), table)
        if twin is not table or table.repeats in chains:
            raise form.refusal(
                table.line, "another table here has the same name in some spelling, or the same repeats."
            )
        chains.add(table.repeats)


def _may_be_table(form_name: str, table: LockedTable) -> bool:
    chain, prefix = table.repeats, f"{form_name}__"
    if not chain:
        return table.name == (f"{form_name}__rest" if form_name == FORM.table else form_name)
    below = table.name.removeprefix(prefix)
    is_nested = all(path.startswith(f"{around}/") for around, path in pairwise(chain))
    return (
        is_nested
        and table.name.startswith(prefix)
        and _fits(below, naming.LONGEST_TABLE - len(prefix.encode()))
        and not naming.is_reserved_table(below)
    )


def _fits(name: str, longest: int) -> bool:
    """Return True if a name is a slug; one that has a hash may start with a digit."""
    is_slug = naming.slug(name).removeprefix("_") == name.removeprefix("_")
    return bool(name.strip("_")) and is_slug and len(name.encode()) <= longest


def _checked_columns(form: LockedForm, table: LockedTable) -> Mapping[ColumnKey, str]:
    found: dict[ColumnKey, str] = {}
    names: set[str] = set()
    for column in table.columns:
        key = _key(form, column)
        if not _may_be_column(column):
            raise form.refusal(column.line, "no column of this kind can have this name.")
        folded = naming.fold(column.name)
        if key in found or folded in names:
            raise form.refusal(
                column.line,
                "another column of this table has the same name in some spelling, or is the same.",
            )
        found[key] = column.name
        names.add(folded)
    return found


def _key(form: LockedForm, column: LockedColumn) -> ColumnKey:
    if column.facet == VALUE and column.kind in _KINDS:
        return ColumnKey(column.path, VALUE, Kind(column.kind))
    kind = facet_kind(column.facet) if column.facet in FACET_NAMES else None
    if kind is None:
        problem = f"kind must be one of {', '.join(_KINDS)}, or facet one of {', '.join(FACET_NAMES)}."
        raise form.refusal(column.line, problem)
    return ColumnKey(column.path, column.facet, kind)


def _may_be_column(column: LockedColumn) -> bool:
    if not _fits(column.name, _LONGEST_NAME):
        return False
    if column.facet != VALUE:
        return column.name.endswith(f"__{column.facet}")
    return not naming.is_reserved_column(column.name, system_columns.RESERVED_NAMES)
