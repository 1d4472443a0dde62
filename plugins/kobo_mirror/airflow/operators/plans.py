"""What the parameters of a sync say about a form's tables: a person's word on a plan, and the policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kobo_mirror.airflow.operators.rendered import text_of
from kobo_mirror.config.policies import POLICIES
from kobo_mirror.errors import ConfigurationError

if TYPE_CHECKING:
    from kobo_mirror.airflow.operators.base import Opened

AS_CONFIGURED = "kobo.yml"
"""As a policy: the one that this file says."""


def policy_of(rendered: str | None) -> str | None:
    """Return the policy that a parameter asks for; None: the one that ``kobo.yml`` says.

    :param rendered: the value of the operator's attribute.
    :raises ConfigurationError: it is another value.
    """
    text = text_of(rendered)
    if text in (None, AS_CONFIGURED):
        return None
    if text not in POLICIES:
        raise ConfigurationError(f"schema must be one of: {', '.join((AS_CONFIGURED, *POLICIES))}.")
    return text


def codes_of(apply_plan: str | None, decline_plan: str | None) -> tuple[str | None, str | None]:
    """Return the codes of a plan to apply and of one to decline, of which one at most is given.

    :param apply_plan: the value of the operator's attribute.
    :param decline_plan: the value of the operator's attribute.
    :raises ConfigurationError: both are given.
    """
    codes = text_of(apply_plan), text_of(decline_plan)
    if all(codes):
        raise ConfigurationError("apply_plan and decline_plan were both given: leave one of them empty.")
    return codes


def note_decision(opened: Opened, apply: str | None, decline: str | None) -> str:
    """Note a person's word on the plan that waits, before anything else is begun.

    A plan that was applied already is let through: this may be another try of the task that did it.

    :param opened: the connections of the task.
    :param apply: the code of the plan to apply; None: none.
    :param decline: the code of the plan to decline; None: none.
    :returns: a sentence for the run's note; empty if there is nothing to say.
    :raises ConfigurationError: no plan of the form waits under the code.
    """
    from kobo_mirror.database.engine import reading
    from kobo_mirror.store.plans import approve, open_plan, require_open
    from kobo_mirror.store.plans import decline as note_declined

    engine, asset = opened.engine, opened.chosen.form_key
    if apply:
        with reading(engine) as connection:
            require_open(connection, asset, apply, applied_will_do=True)
            waits = open_plan(connection, asset)
        if waits is not None and waits.code == apply:
            approve(engine, asset, apply)
    if decline:
        note_declined(engine, asset, decline)
        return f"The plan {decline} was declined: the tables stay as they are."
    return ""
