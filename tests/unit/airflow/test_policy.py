from __future__ import annotations

import pytest

from kobo_mirror.errors import (
    ConfigurationError,
    CredentialsError,
    DatabaseError,
    DeletesWaitError,
    KoboMirrorError,
    LeaseError,
    NotPermittedError,
    RequestError,
    SchemaError,
    ServerError,
)
from tests.support import airflow_environment  # noqa: F401  # before anything of Airflow


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (ConfigurationError("…"), "fail"),
        (CredentialsError("…"), "fail"),
        (NotPermittedError("…"), "fail"),
        (RequestError("…"), "fail"),
        (SchemaError("…"), "fail"),
        (DeletesWaitError("…"), "fail"),
        (ServerError("…"), "retry"),
        (DatabaseError("…"), "retry"),
        (LeaseError("…"), "default"),
        (KoboMirrorError("…"), "default"),
        (OSError("…"), "default"),
    ],
)
def test_the_kind_of_error_decides_about_a_retry(error: Exception, action: str) -> None:
    from kobo_mirror.airflow.policy import RETRY_BY_ERROR

    assert RETRY_BY_ERROR.evaluate(error, try_number=1, max_tries=3).action.value == action


def test_the_policy_survives_serialization() -> None:
    from airflow.sdk import ExceptionRetryPolicy

    from kobo_mirror.airflow.policy import RETRY_BY_ERROR

    again = ExceptionRetryPolicy.deserialize(RETRY_BY_ERROR.serialize())
    assert again.evaluate(CredentialsError("…"), try_number=1, max_tries=3).action.value == "fail"
