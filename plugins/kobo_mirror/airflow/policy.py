"""The retry policy of our tasks: which errors are worth another try."""

from __future__ import annotations

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from kobo_mirror.errors import (
    ConfigurationError,
    CredentialsError,
    DatabaseError,
    DefinitionError,
    DeletesWaitError,
    RequestError,
    SchemaError,
    ServerError,
    UnequalError,
)

RETRY_BY_ERROR = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception=[
                ConfigurationError,
                CredentialsError,
                DefinitionError,
                DeletesWaitError,
                RequestError,
                SchemaError,
                UnequalError,
            ],
            action=RetryAction.FAIL,
            reason="another try does not help",
        ),
        RetryRule(
            exception=[ServerError, DatabaseError], action=RetryAction.RETRY, reason="this may pass by itself"
        ),
    ]
)
