"""Registration of the webhook as a task."""

from __future__ import annotations

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from kobo_mirror.airflow.chosen_forms import naming_account
from kobo_mirror.airflow.keys import SKIPPED
from kobo_mirror.airflow.operators.whole_sync import KoboStepOperator
from kobo_mirror.errors import NotPermittedError


class KoboRegisterOperator(KoboStepOperator):
    """Have KoboToolbox post new submissions to the webhook, by a REST Service of the form.

    The task is skipped where the connection names no endpoint, or where the account may not do that; then
    submissions come by schedule only. Where the registration stands already, nothing is changed.
    """

    def _perform(self, context: Context) -> str:
        from kobo_mirror.sync.register import register_form

        with self.opened() as opened:
            if not opened.settings.real_time_post_endpoint_url:
                raise AirflowSkipException(
                    "No webhook endpoint is set: new submissions come by schedule only."
                )
            try:
                with self.leaving_out():
                    registration = register_form(*opened)
            except NotPermittedError as problem:
                reason = naming_account(str(problem), self._chosen, self.kobo_conn_id)
                context["ti"].xcom_push(SKIPPED, reason)
                raise AirflowSkipException(reason) from problem
        self.log.info("%s", registration.sentence)
        return registration.sentence
