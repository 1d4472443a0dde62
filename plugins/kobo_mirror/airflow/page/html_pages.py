"""The pages as HTML: the list of all forms, and one for each form."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from kobo_mirror.airflow.page import (
    access,
    account,
    contents,
    form_history,
    form_list,
    form_page,
    view_models,
)
from kobo_mirror.airflow.page.rendering import account_page, list_of_forms, page_of
from kobo_mirror.airflow.page.starting import start_of
from kobo_mirror.airflow.page.texts import COOKIE, language_of
from kobo_mirror.database.engine import reading
from kobo_mirror.errors import KoboMirrorError
from kobo_mirror.store.failed_runs import UNBOUND
from kobo_mirror.store.listings import BoundForm, bound_forms
from kobo_mirror.store.schema import require_tables
from kobo_mirror.store.shown_runs import failed_start, form_of_run, forms_that_never_began
from kobo_mirror.submissions.document import HIGHEST_ID

After = Annotated[int, Query(le=HIGHEST_ID, description="Only those with a higher id.")]

_LIST, _ACCOUNT = "forms", "account"


def page(  # noqa: PLR0917  # FastAPI reads the query's parameters from them
    request: Request,
    user: access.Viewer,
    asset_uid: str | None = None,
    run: str | None = None,
    view: str | None = None,
    rejections_after: After = -1,
    letters_after: After = 0,
    cells_after: contents.Place = None,
    history_skip: form_history.Skip = 0,
) -> Any:
    """Return a form's page, or the list of all forms, as HTML in the reader's language.

    :param request: names the language.
    :param user: who asks, by Airflow's login.
    :param asset_uid: the form key; by default the only form, or that of the run, else the list is shown.
    :param run: the name of a run that is shown on its own, too.
    :param view: ``forms`` shows the list, even of one form; ``account`` what the account has.
    :param rejections_after: of the rejections only those with a higher ``_id``.
    :param letters_after: of the dead letters only those with a higher id.
    :param cells_after: of the rejected cells only those after this place.
    :param history_skip: of the form's history leave out so many of the newest entries.
    """
    if not request.url.path.endswith("/"):
        return RedirectResponse(request.url.path.rpartition("/")[2] + "/")
    language = language_of(request)
    after = form_page.Places(rejections_after, letters_after, cells_after, history_skip)
    try:
        if view == _ACCOUNT:
            return _answer(request, account_page(language, **account.seen(user)), language)
        html = _html(language, user, None if view == _LIST else asset_uid, run, after, is_list=view == _LIST)
    except KoboMirrorError as problem:
        html = _form(language, user, asset_uid, None, {"problem": view_models.failure_of(problem)})
    return _answer(request, html, language)


def _answer(request: Request, html: str, language: str) -> HTMLResponse:
    response = HTMLResponse(html, headers={"Vary": "Accept-Language, Cookie"})
    if "lang" in request.query_params:
        response.set_cookie(COOKIE, language, max_age=31_536_000, samesite="lax")
    return response


def _html(
    language: str,
    user: Any,
    asset_uid: str | None,
    run: str | None,
    after: form_page.Places,
    *,
    is_list: bool,
) -> str:
    engine = access.target_engine()
    require_tables(engine, derived=asset_uid is not None, asset_uid=asset_uid)
    with reading(engine) as connection:
        if asset_uid is None and run and not is_list:
            asset_uid = form_of_run(connection, run)
        if asset_uid is None and not is_list:
            known, never = bound_forms(connection), forms_that_never_began(connection)
            if not known and not never:
                failed = failed_start(connection, UNBOUND)
                return _form(language, user, None, None, {"failed_start": view_models.failure_of_run(failed)})
            asset_uid = known[0].asset_uid if len(known) == 1 and not never else None
        if asset_uid is None:
            return list_of_forms(language, **form_list.seen(connection))
        bound = contents.bound(connection, asset_uid)
    require_tables(engine, asset_uid=asset_uid)
    with reading(engine) as connection:
        answers = access.may_see_answers(user)
        shown = form_page.seen(connection, bound, run, after, answers=answers)
    return _form(language, user, asset_uid, bound, shown)


def _form(
    language: str, user: Any, asset_uid: str | None, bound: BoundForm | None, shown: dict[str, Any]
) -> str:
    nothing = {"problem": None, "form": None, "failed_start": None, "found_run": None}
    return page_of(
        language,
        asset_uid=asset_uid,
        **{
            name: access.may_trigger(user, start_of(dag_id, bound).dag_id)
            for name, dag_id in (
                ("operator", access.SYNC),
                ("prover", access.VERIFY),
                ("replayer", access.REPLAY),
            )
        },
        **nothing | shown,
    )
