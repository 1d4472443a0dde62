"""Registration of the webhook as a task."""

from __future__ import annotations

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from kobo_mirror.airflow.chosen_forms import is_of_connection, naming_account
from kobo_mirror.airflow.keys import SKIPPED
from kobo_mirror.airflow.operators.whole_sync import KoboStepOperator
from kobo_mirror.errors import NotPermittedError


class KoboRegisterOperator(KoboStepOperator):
    """Have KoboToolbox post new submissions to the webhook, by a REST Service of the form.

    The task is skipped where the connection names no endpoint, or where the account may not do that; then
    submissions come by schedule only. Where the registration stands already, nothing is changed.
    """

    def _perform(self, context: Context) -> str:
        from kobo_mirror.sync.register import register_webhook

        with self.opened() as opened:
            settings, client, engine = opened.settings, opened.client, opened.engine
            if not is_of_connection(opened.chosen, self.hook().settings(need=())):
                raise AirflowSkipException("The webhook takes deliveries of the connection's form only.")
            if not settings.real_time_post_endpoint_url:
                raise AirflowSkipException(
                    "No webhook endpoint is set: new submissions come by schedule only."
                )
            try:
                registration = register_webhook(
                    client,
                    engine,
                    endpoint=settings.real_time_post_endpoint_url,
                    secret=settings.webhook_secret,
                    registrar_url=settings.inkomoko_register_webhook_url,
                )
            except NotPermittedError as problem:
                reason = naming_account(str(problem), self._chosen, self.kobo_conn_id)
                context["ti"].xcom_push(SKIPPED, reason)
                raise AirflowSkipException(reason) from problem
        self.log.info("%s", registration.sentence)
        return registration.sentence
