"""The forms of an account, listed and named as a task."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context

from kobo_mirror.airflow.operators.rendered import uids_of
from kobo_mirror.airflow.operators.whole_sync import KoboStepOperator
from kobo_mirror.airflow.task_start import target_engine
from kobo_mirror.errors import ConfigurationError, KoboMirrorError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from kobo_mirror.sync.account_forms import AccountForms


class KoboFormsOperator(KoboStepOperator):
    """List the forms that the account of the connection may see, in the log, the run's note and the page.

    The connection needs no form for that, and the database may be missing. With ``add``, forms are named in
    ``kobo.yml`` before: from then on they are mirrored.

    :param add: the uids of forms that ``kobo.yml`` is to name. (templated)
    """

    template_fields: Sequence[str] = ("kobo_conn_id", "database_conn_id", "add")

    def __init__(self, *, add: Sequence[str] | str = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add = add

    def _perform(self, context: Context) -> None:
        from kobo_mirror.sync.account_forms import AccountForms, file_to_edit

        wanted = uids_of("add", self.add)
        file = file_to_edit(self.hook().settings(need=()).kobo_forms_file)
        settings = self.hook().settings(need=() if file.token else ("KOBO_TOKEN",))
        with ExitStack() as open_until_end:
            engine = self._database(open_until_end)
            account = AccountForms.of(settings, file, engine)
            listed = account.listed()
            told = []
            if wanted:
                told = [
                    f"{entry.uid} is in {file.file} now, with the table {entry.table}."
                    for entry in account.add(listed, wanted).entries
                ]
                account = AccountForms.of(settings, file_to_edit(settings.kobo_forms_file), engine)
            self._keep(account, listed)
        forms = sorted(map(str, listed), key=str.casefold)
        sentence = " ".join([*told, f"{len(forms)} forms at {account.account.kobo_url}"])
        for line in (sentence, *forms):
            self.log.info("%s", line)
        self.leave_note(context, "\n- ".join([sentence, *forms]))

    def _database(self, open_until_end: ExitStack) -> Engine | None:
        """Return an engine for the database, or None where there is none."""
        try:
            return open_until_end.enter_context(target_engine(self.database_conn_id))
        except ConfigurationError as problem:
            self.log.info("The list is not kept for the page: %s", problem)
            return None

    def _keep(self, account: AccountForms, listed: Sequence[Any]) -> None:
        """Keep the list for the page."""
        from kobo_mirror.database.engine import transact
        from kobo_mirror.store.account_listing import keep_listing

        engine = account.engine
        if engine is None:
            return
        described, file = account.described(listed), account.file.file
        try:
            transact(
                engine,
                lambda connection: keep_listing(
                    connection, described, file=file, is_writable=account.is_writable()
                ),
            )
        except KoboMirrorError as problem:
            self.log.warning("The list is not kept for the page: %s", problem)
