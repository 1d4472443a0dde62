from __future__ import annotations

import inspect
from typing import Any

import pytest

from kobo_mirror.errors import ConfigurationError
from tests.support import airflow_environment  # noqa: F401  # before anything of Airflow
from tests.support.task_runs import TaskRun

TABLES = {"apply_plan", "decline_plan", "schema"}
OWN = {
    "KoboChooseOperator": {"forms", "code", "about_one", "purpose", "server", "others"},
    "KoboFormsOperator": {"add"},
    "KoboOperator": {"mode", "page_size", "since_id", "confirm_deletes", "in_flight"} | TABLES,
    "KoboPlanOperator": {"run_handle", "groups"},
    "KoboPrepareOperator": {"mode", "since_id", "confirm_deletes", "further"} | TABLES,
    "KoboPublishOperator": {"run_handle"},
    "KoboPullOperator": {"run_handle", "lanes", "in_flight", "page_size"},
    "KoboReconcileOperator": {"run_handle", "confirm_deletes"},
    "KoboRegisterOperator": set(),
    "KoboReleaseOperator": {"run_handle"},
    "KoboReplayOperator": {"dead_letters", "rejections"},
    "KoboVerifyOperator": {"full", "full_when_due", "repair", "confirm_deletes"},
}
ABOUT_SEVERAL = {"KoboFormsOperator": {"form"}, "KoboChooseOperator": {"form"}}
NOT_TEMPLATED = {"groups", "further", "purpose", "server", "others"}


def made(name: str, **parameters: Any) -> Any:
    from kobo_mirror.airflow import operators

    given = {"run_handle": {}} if "run_handle" in OWN[name] else {}
    return getattr(operators, name)(task_id="task", **{**given, **parameters})


def test_these_are_all_operators_that_there_are() -> None:
    from kobo_mirror.airflow import operators

    assert set(operators.__all__) == set(OWN)


@pytest.mark.parametrize("name", OWN)
def test_each_is_a_kobo_operator_whose_template_fields_are_its_parameters(name: str) -> None:
    from kobo_mirror.airflow.operators import KoboOperator

    task = made(name)
    assert isinstance(task, KoboOperator)
    connections = {"kobo_conn_id", "database_conn_id", "form"}
    connections -= ABOUT_SEVERAL.get(name, set())
    assert set(task.template_fields) == OWN[name] - NOT_TEMPLATED | connections
    assert all(hasattr(task, field) for field in task.template_fields)


@pytest.mark.parametrize("name", OWN)
def test_a_parameter_of_another_operator_is_refused_when_the_dag_is_read(name: str) -> None:
    others = set().union(*OWN.values()) - OWN[name]
    for parameter in others:
        with pytest.raises(TypeError, match=f"(?s)Invalid arguments.*{parameter}"):
            made(name, **{parameter: None})


@pytest.mark.parametrize("name", sorted(name for name in OWN if "run_handle" in OWN[name]))
def test_a_step_of_a_run_needs_its_run_handle_when_the_dag_is_read(name: str) -> None:
    from kobo_mirror.airflow import operators

    with pytest.raises(TypeError, match="missing keyword argument 'run_handle'"):
        getattr(operators, name)(task_id="task")


@pytest.mark.parametrize("name", sorted(set(OWN) - {"KoboOperator", "KoboChooseOperator"}))
def test_a_dag_that_was_written_for_0_1_is_told_which_class_to_use(name: str) -> None:
    step = name.removeprefix("Kobo").removesuffix("Operator").lower()
    with pytest.raises(ConfigurationError, match=rf'step="{step}"\) is {name} now.* import {name}\.'):
        made("KoboOperator", step=step, **dict.fromkeys(OWN[name]))


def test_the_step_that_does_all_may_still_be_named_and_no_unknown_one() -> None:
    assert made("KoboOperator", step="sync").mode == "auto"
    with pytest.raises(ConfigurationError, match="has no step 'everything'"):
        made("KoboOperator", step="everything")


ONE_OF = r"^mode must be one of: auto, incremental, exact, again\.$"
POLICY = r"^schema must be one of: kobo\.yml, additive, review, auto\.$"
FLAG = r"^{} must be True or False\.$"
NUMBER = r"^{} must be a whole number, {} or more, or be left empty\.$"
NUMBERS = r"^{} must be a list of whole numbers, such as \[412901, 412907\], or be left empty\.$"


@pytest.mark.parametrize(
    ("name", "parameter", "value", "said"),
    [
        *[("KoboOperator", "mode", value, ONE_OF) for value in ("Exact", "check", "", "None")],
        ("KoboPrepareOperator", "mode", "exakt", ONE_OF),
        *[(name, "schema", "never", POLICY) for name in ("KoboOperator", "KoboPrepareOperator")],
        *[
            ("KoboOperator", "since_id", value, NUMBER.format("since_id", 0))
            for value in ("new", "-1", "1.5", 2**63)
        ],
        ("KoboPrepareOperator", "since_id", "1e3", NUMBER.format("since_id", 0)),
        *[("KoboOperator", "page_size", value, NUMBER.format("page_size", 1)) for value in (0, "many")],
        ("KoboOperator", "in_flight", "two", NUMBER.format("in_flight", 1)),
        ("KoboPullOperator", "in_flight", -1, NUMBER.format("in_flight", 1)),
        ("KoboPullOperator", "page_size", "0", NUMBER.format("page_size", 1)),
        ("KoboPullOperator", "lanes", "first", NUMBERS.format("lanes")),
        *[
            ("KoboReplayOperator", "rejections", value, NUMBERS.format("rejections"))
            for value in ("412901", '"412901"', "[412901", [4.5], [True], [2**63])
        ],
        ("KoboReplayOperator", "dead_letters", "{}", NUMBERS.format("dead_letters")),
        ("KoboVerifyOperator", "repair", "yes", FLAG.format("repair")),
        ("KoboVerifyOperator", "full", 1, FLAG.format("full")),
        ("KoboVerifyOperator", "full_when_due", "due", FLAG.format("full_when_due")),
    ],
)
def test_a_value_that_a_parameter_does_not_take_is_a_sentence_and_nothing_is_done(
    run: TaskRun, name: str, parameter: str, value: Any, said: str
) -> None:
    given = {"run_handle": {}} if "run_handle" in OWN[name] else {}
    with pytest.raises(ConfigurationError, match=said) as refused:
        run.execute(
            name, kobo_conn_id="none_such", database_conn_id="none_such", **given, **{parameter: value}
        )
    assert run.left["kobo_mirror_error"] == str(refused.value)


@pytest.mark.parametrize("name", sorted(set(OWN) - {"KoboReleaseOperator"}))
def test_a_connection_that_is_not_there_is_a_sentence(run: TaskRun, kobo: Any, name: str) -> None:
    given = {"run_handle": {}} if "run_handle" in OWN[name] else {}
    missing = ["kobo_conn_id"] if name in ABOUT_SEVERAL else ["kobo_conn_id", "database_conn_id"]
    for connection in missing:
        with pytest.raises(ConfigurationError, match=r"^There is no connection none_such: add it in Admin"):
            run.execute(name, **{connection: "none_such"}, **given)
        assert "none_such" in run.left["kobo_mirror_error"]


@pytest.mark.parametrize(
    ("value", "flag"),
    [("true", True), ("True", True), (True, True), ("false", False), (False, False), ("", False)],
)
def test_a_flag_may_be_written_in_small_letters_as_in_json(value: bool | str, flag: bool) -> None:
    from kobo_mirror.airflow.operators.rendered import flag_of

    assert flag_of("repair", value) is flag


@pytest.mark.parametrize("name", OWN)
def test_every_parameter_is_described(name: str) -> None:
    from kobo_mirror.airflow import operators

    described = "\n".join(base.__doc__ or "" for base in inspect.getmro(getattr(operators, name))[:3])
    assert all(f":param {parameter}:" in described for parameter in OWN[name])
