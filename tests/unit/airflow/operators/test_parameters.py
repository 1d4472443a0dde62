from __future__ import annotations

import inspect
from typing import Any

import pytest

from kobo_mirror.errors import ConfigurationError
from tests.support import airflow_environment  # noqa: F401  # before anything of Airflow

OWN = {
    "KoboFormsOperator": set(),
    "KoboOperator": {"mode", "page_size", "since_id", "confirm_deletes", "in_flight"},
    "KoboPlanOperator": {"run_handle", "groups"},
    "KoboPrepareOperator": {"mode", "since_id", "confirm_deletes"},
    "KoboPublishOperator": {"run_handle"},
    "KoboPullOperator": {"run_handle", "lanes", "in_flight", "page_size"},
    "KoboReconcileOperator": {"run_handle", "confirm_deletes"},
    "KoboRegisterOperator": set(),
    "KoboReleaseOperator": {"run_handle"},
    "KoboReplayOperator": {"dead_letters", "rejections"},
    "KoboVerifyOperator": {"full", "full_when_due", "repair", "confirm_deletes"},
}
NOT_TEMPLATED = {"groups"}


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
    connections = {"kobo_conn_id"} if name == "KoboFormsOperator" else {"kobo_conn_id", "database_conn_id"}
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


@pytest.mark.parametrize("name", sorted(set(OWN) - {"KoboOperator"}))
def test_a_dag_that_was_written_for_0_1_is_told_which_class_to_use(name: str) -> None:
    step = name.removeprefix("Kobo").removesuffix("Operator").lower()
    with pytest.raises(ConfigurationError, match=rf'step="{step}"\) is {name} now.* import {name}\.'):
        made("KoboOperator", step=step, **dict.fromkeys(OWN[name]))


def test_the_step_that_does_all_may_still_be_named_and_no_unknown_one() -> None:
    assert made("KoboOperator", step="sync").mode == "auto"
    with pytest.raises(ConfigurationError, match="has no step 'everything'"):
        made("KoboOperator", step="everything")


@pytest.mark.parametrize("name", OWN)
def test_every_parameter_is_described(name: str) -> None:
    from kobo_mirror.airflow import operators

    described = "\n".join(base.__doc__ or "" for base in inspect.getmro(getattr(operators, name))[:3])
    assert all(f":param {parameter}:" in described for parameter in OWN[name])
