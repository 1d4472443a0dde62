"""Wanted joins: the paths that ``kobo.yml`` joins to one question, and those that it keeps apart."""

from __future__ import annotations

from dataclasses import replace

from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.questions_joined import QuestionGroups
from kobo_mirror.forms.wanted import WantedForm


def with_joins(schema: FormSchema, wanted: WantedForm) -> FormSchema:
    """Return the schema with the questions joined and kept apart that are asked for.

    :param schema: of all versions.
    :param wanted: which ones.
    :raises ConfigurationError: a path is none of a question, or two cannot be one question.
    """
    groups = QuestionGroups(schema)
    for former, path in wanted.join.items():
        for one in (former, path):
            if one not in groups.paths:
                raise wanted.not_asked(one, "join", former)
            if one in wanted.apart:
                raise wanted.refusal(f"{one} is to be joined and kept apart: take one out.", "join", former)
        if why := groups.join(former, path):
            raise wanted.refusal(f"{former} and {path} cannot be one question: {why}.", "join", former)
    for path in wanted.apart:
        if path not in groups.paths:
            raise wanted.not_asked(path, "apart", path)
    return replace(schema, joined=dict(wanted.join), apart=tuple(sorted(wanted.apart)))
