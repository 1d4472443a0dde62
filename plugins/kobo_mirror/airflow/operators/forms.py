"""The forms of an account, listed as a task."""

from __future__ import annotations

from collections.abc import Sequence

from airflow.sdk import Context

from kobo_mirror.airflow.operators.whole_sync import KoboStepOperator


class KoboFormsOperator(KoboStepOperator):
    """List the forms that the account of the connection may see, in the log and the run's note.

    The connection needs no form for that. The database is not used.
    """

    template_fields: Sequence[str] = ("kobo_conn_id",)

    def _perform(self, context: Context) -> None:
        hook = self.hook()
        settings = hook.settings(need=("KOBO_TOKEN",))
        with hook.get_client(settings) as client:
            forms = sorted(map(str, client.server.forms()), key=str.casefold)
        sentence = f"{len(forms)} forms at {settings.kobo_url}"
        for line in (sentence, *forms):
            self.log.info("%s", line)
        self.leave_note(context, "\n- ".join([sentence, *forms]))
