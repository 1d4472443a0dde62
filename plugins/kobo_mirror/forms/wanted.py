"""Wanted form: what ``kobo.yml`` asks for a form, checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from types import MappingProxyType

from kobo_mirror.config.forms_file import FormEntry
from kobo_mirror.config.policies import ADDITIVE
from kobo_mirror.config.schedules import NO_SCHEDULES, Schedules
from kobo_mirror.errors import ConfigurationError
from kobo_mirror.forms import naming
from kobo_mirror.forms.declared import FORM
from kobo_mirror.forms.question_types import Kind
from kobo_mirror.forms.taken_names import TakenNames

KINDS = (Kind.INTEGER, Kind.DECIMAL, Kind.TEXT, Kind.DATE, Kind.TIME, Kind.DATETIME, Kind.BOOLEAN)
"""The types that a question may be given."""
_NO_NAME = (
    f"table must be a name of small letters and digits, with a single _ between them, of at most "
    f"{naming.LONGEST_FORM} bytes, that does not start with kobo_, sqlite_ or pg_; or {FORM.table}."
)


@dataclass(frozen=True)
class WantedForm:
    """What is asked for the tables of a form; without a file nothing is.

    :param table: the name of its main table; None: the form's own name decides.
    :param types: path of a question → what its answers become, whatever its definition says.
    :param schema: one of ``POLICIES``: what is done with a new version of the form.
    :param join: former path of a question → another path of it.
    :param apart: paths that are a question of their own, even if the form builder says otherwise.
    :param views: further kinds of views.
    :param entry: where each is asked for.
    :param others: the names that ``kobo.yml`` asks for other forms.
    :param may_be_declared: the form has the declared table where it serves, without asking for it by name.
    :param schedules: when Airflow reads it; of the form of ``KOBO_ASSET_ID`` ``kobo.yml`` says nothing.
    """

    table: str | None = None
    types: Mapping[str, Kind] = field(default_factory=lambda: MappingProxyType({}))
    schema: str = ADDITIVE
    join: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    apart: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    entry: FormEntry = field(default_factory=FormEntry, compare=False, repr=False)
    others: frozenset[str] = frozenset()
    may_be_declared: bool = True
    schedules: Schedules = NO_SCHEDULES

    def with_policy(self, schema: str | None) -> WantedForm:
        """Return it with another policy.

        :param schema: one of ``POLICIES``; None: it stays as it is.
        """
        return self if schema is None else replace(self, schema=schema)

    def refusal(self, problem: str, *keys: str) -> ConfigurationError:
        """Return the error for a wish that cannot be fulfilled.

        :param problem: a sentence without its first words, which name the place.
        :param keys: the wish, such as ``"table"``, or ``"types"`` and a path.
        """
        return _refusal(self.entry, problem, *keys)

    def not_asked(self, path: str, *keys: str) -> ConfigurationError:
        """Return the error for a wish about what no version of the form asks.

        :param path: as it is written.
        :param keys: as :meth:`refusal` takes them.
        """
        return self.refusal(
            f"no version of the form asks {path}, or it is a group: write the path of a question, as in "
            "hh/members/age.",
            *keys,
        )


def wanted_form(
    entry: FormEntry,
    others: Iterable[FormEntry] = (),
    *,
    may_be_declared: bool = True,
    schedules: Schedules = NO_SCHEDULES,
) -> WantedForm:
    """Return what the file asks for a form.

    :param entry: what the file says of it.
    :param others: what it says of further forms.
    :param may_be_declared: as for :class:`WantedForm`.
    :param schedules: as for :class:`WantedForm`.
    :raises ConfigurationError: it asks for a type that there is not, or for a name that no table of a form
        can have.
    """
    if entry.table and entry.table != FORM.table and not naming.is_form_name(entry.table):
        raise _refusal(entry, _NO_NAME, "table")
    types = {path: _kind(entry, path, text) for path, text in entry.types.items()}
    return WantedForm(
        table=entry.table or None,
        types=MappingProxyType(types),
        schema=entry.schema,
        join=entry.join,
        apart=entry.apart,
        views=entry.views,
        entry=entry,
        others=frozenset(other.table for other in others if other.table),
        may_be_declared=may_be_declared,
        schedules=schedules,
    )


def require_free_table(wanted: WantedForm, taken: TakenNames) -> None:
    """Check that the table that is asked for can be made, for a form that has no tables yet.

    :param wanted: what is asked for.
    :param taken: the names that the form cannot have.
    :raises ConfigurationError: the table, or one that would stand below it, is there.
    """
    if wanted.table and (problem := taken.why_not(wanted.table, "ask for another name")):
        raise wanted.refusal(problem, "table")


def _kind(entry: FormEntry, path: str, text: str) -> Kind:
    if text not in KINDS:
        nearest = get_close_matches(text.lower(), KINDS, 1)
        advice = f"did you mean {nearest[0]}?" if nearest else "this is none of them."
        raise _refusal(entry, f"a type must be one of {', '.join(KINDS)}; {advice}", "types", path)
    return Kind(text)


def _refusal(entry: FormEntry, problem: str, *keys: str) -> ConfigurationError:
    return ConfigurationError(f"{entry.place(*keys)}: {problem}")
