"""``status`` says what to do about each finding that keeps a light from being green."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

import pytest

from kobo_mirror.cli.arguments import parser_of
from kobo_mirror.cli.next_steps import STEPS, next_steps, step_of
from kobo_mirror.config.setting_names import SettingNames
from kobo_mirror.store.lights import SENTENCES, Finding, Light, judge
from kobo_mirror.store.overview import MirrorState
from tests.unit.store.test_lights import CASES, NOW, PROOF, WAITING, state

FACTS = {what: facts for what, facts, _, _ in CASES}
DIFFERS = replace(PROOF, stale=1)


def next_of(facts: MirrorState) -> str | None:
    return next_steps(facts, judge(facts, due=NOW - timedelta(hours=2), secret="new"))


def test_every_finding_has_a_next_step() -> None:
    assert STEPS.keys() == SENTENCES.keys()


@pytest.mark.parametrize("what", FACTS)
def test_there_is_a_next_step_unless_the_light_is_green(what: str) -> None:
    findings = judge(FACTS[what], due=NOW - timedelta(hours=2), secret="new")
    found = next_of(FACTS[what])
    assert (found is None) == (not findings)
    assert not re.search(r"[{}]", found or "")


@pytest.mark.parametrize("what", FACTS)
def test_each_command_that_is_named_can_be_run(what: str) -> None:
    parser = parser_of(defaultdict(lambda: lambda _: 0))
    findings = judge(FACTS[what], due=NOW - timedelta(hours=2), secret="new")
    for finding in findings:
        named = re.findall(r"`python -m kobo_mirror ([^`]+)`", step_of(finding, FACTS[what]))
        assert named
        for command in named:
            parser.parse_args(shlex.split(command))


def test_the_most_urgent_comes_first_and_none_twice() -> None:
    assert next_of(state(waiting_deletes=WAITING, full_proof=None, history_gap=NOW)) == (
        "if the 20 submissions are to be deleted, run `python -m kobo_mirror sync --confirm-deletes "
        "0123456789ab`; run `python -m kobo_mirror verify --full`"
    )
    failed_first = next_of(FACTS["a first sync that failed"])
    assert failed_first == (
        "mend what the error says, then run `python -m kobo_mirror sync`: it reads the whole form"
    )


@pytest.mark.parametrize(("whole", "options"), [(False, "--repair"), (True, "--full --repair")])
def test_a_difference_is_repaired_by_a_proof_that_finds_it_again(whole: bool, options: str) -> None:
    differs = state(proof=replace(DIFFERS, whole=whole))
    assert next_of(differs) == f"run `python -m kobo_mirror verify {options}`"


@pytest.mark.parametrize("what", ["versions_unread", "sees_part", "all_rejected"])
def test_a_step_names_the_settings_of_the_form(what: str) -> None:
    names = SettingNames("OTHER_TOKEN", "uid in kobo.yml, line 4", "KOBO_URL")
    step = step_of(Finding(Light.RED, what), state(), names)
    assert "KOBO" not in step
    assert (names.uid if what == "all_rejected" else names.token) in step
