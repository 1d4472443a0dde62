"""The page and its endpoints, a FastAPI application below Airflow's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response

from kobo_mirror import __version__
from kobo_mirror.airflow.page import (
    access,
    account,
    actions,
    contents,
    form_history,
    form_list,
    form_page,
    html_pages,
    schemas,
    view_models,
)
from kobo_mirror.airflow.page.headers import with_headers
from kobo_mirror.airflow.page.rendering import FOLDER, STATIC, refusal
from kobo_mirror.airflow.page.texts import language_of
from kobo_mirror.database.engine import moment_of, reading
from kobo_mirror.errors import DatabaseError, KoboMirrorError, SchemaError
from kobo_mirror.forms.declared import FORM
from kobo_mirror.store import listings
from kobo_mirror.store.overview import read_state
from kobo_mirror.store.schema import require_tables
from kobo_mirror.store.shown_runs import recent_runs, run_named


def create_app() -> FastAPI:
    """Return the application; each of its routes asks for Airflow's login."""
    app = FastAPI(
        title="Kobo Mirror",
        version=__version__,
        description="What the mirror of a KoboToolbox form holds, and what mends it.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.middleware("http")(with_headers)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(KoboMirrorError, _explained)
    app.include_router(actions.router)
    app.include_router(account.router)
    for path, endpoint in _READS.items():
        description = _description_of(endpoint)
        app.get(path, tags=["reads"], responses=_REFUSALS, description=description)(endpoint)
    for path, endpoint in _SHOWN.items():
        app.get(path, include_in_schema=False)(endpoint)
    return app


def _description_of(endpoint: Callable[..., Any]) -> str:
    """Return an endpoint's docstring without its parameters, which the schema describes already."""
    return (inspect.getdoc(endpoint) or "").partition("\n\n:param")[0]


def _refused(request: Request, problem: Any) -> Response:
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        return HTMLResponse(refusal(language_of(request), problem.status_code), problem.status_code)
    return JSONResponse({"detail": problem.detail}, problem.status_code, problem.headers)


def _explained(request: Request, problem: Any) -> Response:
    status = 503 if isinstance(problem, DatabaseError | SchemaError) else 409
    return JSONResponse({"detail": str(problem)}, status)


def form(asset_uid: str, user: access.Viewer) -> schemas.Overview:
    """Return the state of a form's mirror. KoboToolbox is not asked.

    :param asset_uid: the form's uid.
    :param user: who asks, by Airflow's login.
    """
    require_tables(access.target_engine(), asset_uid=asset_uid)
    with reading(access.target_engine()) as connection:
        bound = contents.bound(connection, asset_uid)
        state = read_state(connection, FORM, asset_uid, columns=contents.kept_columns)
        return form_page.overview(connection, bound, state)


def days(
    asset_uid: str, user: access.Viewer, days: Annotated[int, Query(ge=1, le=366)] = form_page.DAYS
) -> list[schemas.Day]:
    """Return how many submissions were first seen on each of the last days, by the way they came.

    :param asset_uid: the form's uid.
    :param user: who asks, by Airflow's login.
    :param days: how many days, today (UTC) included.
    """
    with reading(access.target_engine()) as connection:
        contents.bound(connection, asset_uid)
        return view_models.days_of(connection, asset_uid, moment_of(connection), days)


def runs(
    asset_uid: str, user: access.Viewer, limit: contents.Limit = form_page.RUNS, name: str | None = None
) -> list[schemas.Run]:
    """Return the newest syncs, or the one with this name.

    :param asset_uid: the form's uid.
    :param user: who asks, by Airflow's login.
    :param limit: at most so many.
    :param name: the whole name of a run.
    """
    with reading(access.target_engine()) as connection:
        contents.bound(connection, asset_uid)
        if name is not None:
            found = run_named(connection, asset_uid, name)
            return [view_models.run_of(found)] if found else []
        return [view_models.run_of(run) for run in recent_runs(connection, asset_uid, limit)]


def rejections(
    asset_uid: str,
    user: access.Viewer,
    after: html_pages.After = -1,
    limit: contents.Limit = form_page.REJECTIONS,
) -> list[schemas.Rejection]:
    """Return what does not fit, by `_id`; raw submissions only for those who may see answers.

    :param asset_uid: the form's uid.
    :param user: who asks, by Airflow's login.
    :param after: only those with a higher `_id`.
    :param limit: at most so many.
    """
    answers = access.may_see_answers(user)
    with reading(access.target_engine()) as connection:
        contents.bound(connection, asset_uid)
        return view_models.rejections_of(
            listings.rejected_submissions(connection, asset_uid, after=after, limit=limit, answers=answers)
        )


def dead_letters(
    user: access.Viewer, after: html_pages.After = 0, limit: contents.Limit = form_page.LETTERS
) -> list[schemas.DeadLetter]:
    """Return what was posted to the webhook and not taken; bodies only for those who may see answers.

    :param user: who asks, by Airflow's login.
    :param after: only those with a higher id.
    :param limit: at most so many.
    """
    answers = access.may_see_answers(user)
    with reading(access.target_engine()) as connection:
        return view_models.letters_of(
            listings.waiting_dead_letters(connection, None, after=after, limit=limit, answers=answers)
        )


def static(name: str, user: access.Viewer) -> FileResponse:
    """Return a file of the page; its address changes with its content.

    :param name: the file's name.
    :param user: who asks, by Airflow's login.
    """
    if name not in STATIC:
        raise HTTPException(404, "There is no such file.")
    forever = {"Cache-Control": "private, max-age=31536000, immutable"}
    return FileResponse(FOLDER / "static" / name, media_type=STATIC[name], headers=forever)


def openapi(request: Request, user: access.Viewer) -> JSONResponse:
    """Return the OpenAPI description of the endpoints.

    :param request: of the application that is described.
    :param user: who asks, by Airflow's login.
    """
    return JSONResponse(request.app.openapi())


_READS: dict[str, Any] = {
    "/api/forms": form_list.forms,
    "/api/forms/{asset_uid}": form,
    "/api/forms/{asset_uid}/days": days,
    "/api/forms/{asset_uid}/runs": runs,
    "/api/forms/{asset_uid}/rejections": rejections,
    "/api/forms/{asset_uid}/tables": contents.tables,
    "/api/forms/{asset_uid}/rejected-cells": contents.cells,
    "/api/forms/{asset_uid}/plan": form_history.plan,
    "/api/forms/{asset_uid}/history": form_history.history,
    "/api/account-forms": account.account_forms,
    "/api/dead-letters": dead_letters,
}
_SHOWN: dict[str, Any] = {"/": html_pages.page, "/static/{name}": static, "/openapi.json": openapi}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": schemas.Problem} for status in (401, 403, 503)
}
