"""The forms of the account, as a run of ``kobo_forms`` has listed them, and which of them are mirrored."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException

from kobo_mirror.airflow.page import access
from kobo_mirror.airflow.page.kobo_links import address
from kobo_mirror.airflow.page.list_schemas import AccountForm, AccountForms, AddOrder, ListOrder
from kobo_mirror.airflow.page.schemas import Problem, Triggered
from kobo_mirror.database.engine import reading
from kobo_mirror.store.account_listing import AccountListing, kept_listing
from kobo_mirror.store.schema import require_tables

router = APIRouter(
    prefix="/api/actions",
    tags=["actions"],
    responses={status: {"model": Problem} for status in (401, 403, 409)},
)


def account_forms(user: access.Viewer) -> AccountForms:
    """Return the forms of the account as they were last listed. KoboToolbox is not asked.

    :param user: who asks, by Airflow's login.
    """
    found = _listing(user)
    return shown(found) if found else AccountForms(listed_at=None, file="", is_writable=False, forms=[])


@router.post("/list-forms", description="Start a run of `kobo_forms`, which lists the forms of the account.")
def list_forms(order: ListOrder, user: access.Viewer) -> Triggered:
    """Start a run of ``kobo_forms``.

    :param order: an empty object: a page of another site cannot send one.
    :param user: who asks, by Airflow's login.
    :returns: the run.
    """
    return access.trigger(access.FORMS, user, {})


@router.post(
    "/add-form",
    description="Start a run of `kobo_forms` that names a form in kobo.yml; 409 if it cannot be added.",
)
def add_form(order: AddOrder, user: access.Viewer) -> Triggered:
    """Start a run of ``kobo_forms`` that names a form in ``kobo.yml``.

    :param order: names the form.
    :param user: who asks, by Airflow's login.
    :returns: the run.
    :raises HTTPException: 409: the form is not in the list, or mirrored, or the file cannot be written.
    """
    access.require_trigger(user, access.FORMS)
    found = _listing(user)
    form = next((one for one in found.forms if one.uid == order.uid), None) if found else None
    if found is None or form is None:
        raise HTTPException(409, "The account had no such form when it was listed last: list again.")
    if form.is_mirrored:
        raise HTTPException(409, "This form is mirrored already: look at the page again.")
    if form.status == "draft":
        raise HTTPException(409, "This form is not deployed yet: deploy it in KoboToolbox first.")
    if not found.is_writable:
        raise HTTPException(409, f"The tasks may not write {found.file}: add the lines that the page shows.")
    return access.trigger(access.FORMS, user, {"add": [order.uid]})


def _listing(user: Any) -> AccountListing | None:
    """Return the list, for those who may see the runs that made it, which name the same forms."""
    if not access.may_see(user, access.FORMS):
        raise HTTPException(403, f"You may not see the DAG {access.FORMS}.")
    engine = access.target_engine()
    require_tables(engine, derived=False)
    with reading(engine) as connection:
        return kept_listing(connection)


def shown(found: AccountListing) -> AccountForms:
    """Return the list as it is shown.

    :param found: as the database has it.
    """
    forms = [AccountForm(**form._asdict()) for form in found.forms]
    return AccountForms(
        listed_at=found.listed_at, file=found.file, is_writable=found.is_writable, forms=forms
    )


def seen(user: Any) -> dict[str, Any]:
    """Return what the page shows of the account.

    :param user: who asks, by Airflow's login.
    """
    listed = account_forms(user)
    addresses = {form.uid: address(form.server, form.uid) for form in listed.forms}
    return {"account": listed, "addresses": addresses, "lister": access.may_trigger(user, access.FORMS)}
