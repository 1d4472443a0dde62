"""What ``plan --profile`` tells: types that the answers would fit, and answers that no column is for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.store.profile import Proposal, propose_types
from kobo_mirror.store.unexplained import unexplained_paths

_SHOWN = 20


@dataclass(frozen=True)
class Profile:
    """What the columns of a form hold.

    :param types: types that would fit better.
    :param unexplained: rows with an answer in ``extra``, by its path.
    """

    types: Sequence[Proposal]
    unexplained: Mapping[str, int]

    @property
    def facts(self) -> dict[str, Any]:
        """The same, ready for JSON."""
        return {"types": [_fact(one) for one in self.types], "unexplained": dict(self.unexplained)}

    @property
    def lines(self) -> Iterator[str]:
        """The same in English."""
        if self.types:
            yield "These types would fit all answers, or nearly all; write those that you want into kobo.yml:"
        else:
            yield "No other type would fit the answers of a question better."
        for one in self.types:
            misfits = f", {one.misfits:,} of them would be rejected cells" if one.misfits else ""
            told = f"{one.kind.value} now; {one.answers:,} answers{misfits}"
            yield f"  {one.path}: {one.proposed.value}    # {told}"
        if self.unexplained:
            yield "Answers that no column is for, in extra:"
            yield from (f"  {path}: {n:,} rows" for path, n in list(self.unexplained.items())[:_SHOWN])
            if (more := len(self.unexplained) - _SHOWN) > 0:
                yield f"  and {more:,} paths more (--json has all)"


class _NothingYet(Profile):
    """The profile of a form that has no tables."""

    @property
    def lines(self) -> Iterator[str]:
        yield "Nothing is mirrored yet: types are proposed from what the columns hold."


def profile_of(engine: Engine, schema: FormSchema | None) -> Profile:
    """Return what the columns of a form hold.

    :param engine: the database.
    :param schema: by which its rows are shaped; None: it has no tables yet.
    :raises DatabaseError: the database cannot be read now.
    """
    if schema is None:
        return _NothingYet((), {})
    return Profile(propose_types(engine, schema), unexplained_paths(engine, schema))


def _fact(one: Proposal) -> dict[str, Any]:
    kinds = {"path": one.path, "kind": one.kind.value, "proposed": one.proposed.value}
    return {**kinds, "answers": one.answers, "misfits": one.misfits}
