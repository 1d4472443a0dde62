"""What ``kobo.yml`` says of DAGs when these are read: further servers, forms with a DAG of their own."""

from __future__ import annotations

import os

from kobo_mirror.airflow.pools import further_servers
from kobo_mirror.config.forms_file import FormEntry, FormsFile, read_forms_file
from kobo_mirror.config.settings import DEFAULT_FORMS_FILE, Settings
from kobo_mirror.errors import ConfigurationError


def file_of_environment() -> FormsFile:
    """Return what ``kobo.yml`` says, wherever ``KOBO_FORMS_FILE`` names it.

    :raises ConfigurationError: it is malformed. Airflow shows this as an import error.
    """
    name = os.environ.get("KOBO_FORMS_FILE", "").strip() or DEFAULT_FORMS_FILE
    return read_forms_file(Settings(kobo_forms_file=name))


def names_forms_of_environment() -> bool:
    """Return True if ``kobo.yml`` says which forms are mirrored; False where it is malformed."""
    try:
        return file_of_environment().names_forms
    except ConfigurationError:
        return False


def servers_of_environment() -> list[str]:
    """Return the servers that ``kobo.yml`` names beside that of all forms; none where it is malformed.

    Then the first task of the DAG says so.
    """
    try:
        return further_servers(file_of_environment())
    except ConfigurationError:
        return []


def own_dags(file: FormsFile) -> dict[str, FormEntry]:
    """Return the forms that have a DAG of their own, by its id.

    :param file: what ``kobo.yml`` says.
    """
    return {dag_id_of(entry, file): entry for entry in file.entries if entry.own_dag}


def dag_id_of(entry: FormEntry, file: FormsFile) -> str:
    """Return the id of the DAG of one form: by its uid, or by its table where several have this uid.

    :param entry: what the file says of the form.
    :param file: what it says of all.
    """
    is_alone = sum(other.uid == entry.uid for other in file.entries) == 1
    return f"kobo_sync__{entry.uid if is_alone else entry.table}"


def pick_of(entry: FormEntry) -> str:
    """Return by what the tasks of such a DAG choose the form.

    :param entry: what the file says of the form.
    """
    return entry.table or entry.uid
