"""Next steps: what a person can do about each finding, on the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kobo_mirror.config.setting_names import OF_ENVIRONMENT, SettingNames
from kobo_mirror.store.lights import Finding
from kobo_mirror.store.overview import MirrorState

COMMAND = "python -m kobo_mirror"
SYNC = f"`{COMMAND} sync`"
_VERIFY = f"`{COMMAND} verify`"
_VERIFY_FULL = f"`{COMMAND} verify --full`"
_WHOLE = ": it reads the whole form"

STEPS: Mapping[str, str] = {
    "never_synced": f"run {SYNC}{_WHOLE}",
    "sync_failed": f"mend what the error says, then run {SYNC}",
    "gone": f"have the form shared with the account again and run {SYNC}; or let go of it, its tables stay: "
    f"`{COMMAND} forms remove UID`, or its uid under `exclude` if it was discovered",
    "let_go": f"if that is not meant, name it in kobo.yml (`{COMMAND} forms add UID`) and run {SYNC}; else "
    f"take its REST Service away with `{COMMAND} forms remove UID`, and its tables with `--drop-tables`",
    "late": f"run {SYNC}",
    "deletes_wait": "if the {submissions} submissions are to be deleted, run "
    f"`{COMMAND} sync --confirm-deletes {{code}}`",
    "deletes_not_proven": f"do what the error says, then run {SYNC}",
    "secret_old": f"run `{COMMAND} register-webhook`",
    "read_anew": f"run {SYNC}",
    "plan_waits": f"read it with `{COMMAND} plan`, then run `{COMMAND} apply {{plan}}`",
    "plan_due": f"run `{COMMAND} sync --mode exact`",
    "tables_refused": f"do what the sentence says, then run {SYNC}",
    "tables_altered": f"do what the sentence says, then run {SYNC}",
    "versions_unread": f"set {{token}} to that of the form's owner, then run {SYNC}",
    "tables_unfinished": f"run {SYNC}",
    "views_refused": f"do what the sentence says, then run {SYNC}",
    "views_due": f"run {SYNC}",
    "views_altered": f"run {SYNC}",
    "sees_part": f"set {{token}} to that of an account that may view all submissions, then run {SYNC}",
    "history_gap": f"run {_VERIFY_FULL}",
    "rows_differ": f"run `{COMMAND} verify --repair`",
    "all_rejected": f"check that {{uid}} names the form that this table is for, then run {SYNC}",
    "many_rejected": f"mend the rejected submissions in KoboToolbox, then run {SYNC} "
    f"(`{COMMAND} status` lists them)",
    "cells_rejected": "mend the answers in KoboToolbox that the table kobo_rejected_cells lists, then run "
    f"{SYNC}",
    "unreadable": "correct in KoboToolbox the {submissions} submissions that it cannot send, "
    f"then run {SYNC}",
    "proof_differs": "run `{repair}`",
    "full_proof_differs": f"run `{COMMAND} verify --full --repair`",
    "never_proven": f"run {_VERIFY_FULL}",
    "proof_old": f"run {_VERIFY_FULL}",
    "verify_failed": f"mend what the error of the verification says, then run {_VERIFY}",
}
"""What to do about a finding, by its key."""


def repair_command(*, full: bool) -> str:
    """Return the command that mends what a proof found, without backticks.

    :param full: the proof compared every answer: a quick one may not find the difference again.
    """
    return f"{COMMAND} verify{' --full' if full else ''} --repair"


def after_a_failed_first_sync() -> str:
    """Return what to do after the first sync of a form failed."""
    return STEPS["sync_failed"] + _WHOLE


def next_steps(
    state: MirrorState, findings: Sequence[Finding], names: SettingNames = OF_ENVIRONMENT
) -> str | None:
    """Return what a person should do now, the most urgent first, or None where there is nothing to do.

    :param state: what the findings are of.
    :param findings: what ``judge`` found, the gravest first.
    :param names: of the settings that give the form and its account.
    """
    keys = [finding.key for finding in findings]
    steps = [step_of(finding, state, names) for finding in findings]
    if "never_synced" in keys and "sync_failed" in keys:
        steps = [step for key, step in zip(keys, steps, strict=True) if key != "never_synced"]
        steps[steps.index(STEPS["sync_failed"])] = after_a_failed_first_sync()
    return "; ".join(dict.fromkeys(steps)) or None


def step_of(finding: Finding, state: MirrorState, names: SettingNames = OF_ENVIRONMENT) -> str:
    """Return what to do about a finding.

    :param finding: what ``judge`` found.
    :param state: what it was found in.
    :param names: as for :func:`next_steps`.
    """
    code = state.waiting_deletes.code if state.waiting_deletes else ""
    repair = repair_command(full=bool(state.proof and state.proof.whole))
    plan = state.open_plan.code if state.open_plan else ""
    told = {**finding.numbers, **finding.names, "code": code, "plan": plan, "repair": repair}
    told |= {"token": names.token, "uid": names.uid}
    return STEPS[finding.key].format(**told)
