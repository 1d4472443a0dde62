"""The proof that the mirror equals the form, as a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from kobo_mirror.airflow.chosen_forms import naming_account
from kobo_mirror.airflow.operators.base import CONNECTIONS, Opened, name_of_run
from kobo_mirror.airflow.operators.rendered import flag_of, text_of
from kobo_mirror.airflow.operators.whole_sync import KoboStepOperator, require_waiting_code
from kobo_mirror.airflow.progress import Progress
from kobo_mirror.airflow.task_start import require_form
from kobo_mirror.errors import DeletesWaitError


class KoboVerifyOperator(KoboStepOperator):
    """Prove that the mirror equals the form: the task fails, and is not tried again, if anything differs.

    :param full: compare every answer, not only edit tokens and digests. (templated)
    :param full_when_due: also compare every answer where ``KOBO_VERIFY_FULL_EVERY_DAYS`` says that this is
        due. (templated)
    :param repair: ask the server again for what differs, write it anew, and compare once more. (templated)
    :param confirm_deletes: the code of a list of deletes that the repair may delete. (templated)
    """

    template_fields: Sequence[str] = (*CONNECTIONS, "full", "full_when_due", "repair", "confirm_deletes")

    def __init__(
        self,
        *,
        full: bool | str = False,
        full_when_due: bool | str = False,
        repair: bool | str = False,
        confirm_deletes: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.full = full
        self.full_when_due = full_when_due
        self.repair = repair
        self.confirm_deletes = confirm_deletes

    def _perform(self, context: Context) -> str:
        return prove(
            self,
            context,
            full=flag_of("full", self.full),
            full_when_due=flag_of("full_when_due", self.full_when_due),
            repair=flag_of("repair", self.repair),
            confirm=text_of(self.confirm_deletes),
        )


def prove(
    task: KoboStepOperator,
    context: Context,
    *,
    full: bool = False,
    full_when_due: bool = False,
    repair: bool = False,
    confirm: str | None = None,
) -> str:
    """Return the sentence of a proof that found no difference; it is the note of the run, too.

    :param task: whose connections, log and note are used.
    :param full: compare every answer.
    :param full_when_due: compare every answer where that is due.
    :param repair: ask the server again for what differs, and compare once more.
    :param confirm: the code of a list of deletes that the repair may delete.
    :raises AirflowFailException: the mirror differs from the form.
    :raises KoboMirrorError: they could not be compared, which is noted for the page and ``status``.
    """
    from kobo_mirror.sync.failure_notes import note_failed_verification, noting_failed_verification
    from kobo_mirror.sync.verify import verify

    name, waiting = name_of_run(context), ""
    require_form(task, name, note_failed_verification)
    with task.opened() as opened:
        chosen, client, engine = opened
        progress = Progress(task.log.info)
        with noting_failed_verification(engine, name, chosen.form_key, among_others=chosen.among_others):
            mirror = chosen.mirror(engine)
            full = full or (full_when_due and _full_is_due(task, opened))
        report = verify(client, engine, mirror, progress, full=full, name=name)
        if repair and not report.equal:
            require_waiting_code(opened, confirm)
            task.log.warning("%s: repairing it", report.sentence)
            try:
                task.sync_of(opened).repair(report, confirm=confirm)
            except DeletesWaitError as error:  # all else is repaired
                waiting = f". {error}"
            report = verify(client, engine, mirror, progress, full=full, name=name)
    sentence = naming_account(f"{report.sentence}{waiting}", chosen, task.kobo_conn_id)
    task.leave_note(context, sentence)
    if not report.equal:
        named = {kind: ids for kind, ids in report.named.items() if ids}
        raise AirflowFailException(f"{task.about(sentence)}. The first ids of each kind: {named}")
    task.log.info("%s", sentence)
    return sentence


def _full_is_due(task: KoboStepOperator, opened: Opened) -> bool:
    from kobo_mirror.store.proofs import full_proof_is_due

    every = opened.settings.kobo_verify_full_every_days
    due = full_proof_is_due(opened.engine, opened.chosen.form_key, every)
    if due:
        task.log.info("A proof that compares every answer is due (KOBO_VERIFY_FULL_EVERY_DAYS=%s).", every)
    return due
