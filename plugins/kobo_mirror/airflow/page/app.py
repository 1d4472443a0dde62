"""The page and its endpoints, a FastAPI application below Airflow's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from sqlalchemy import Connection

from kobo_mirror import __version__
from kobo_mirror.airflow.page import access, actions, contents, form_history, schemas, view_models
from kobo_mirror.airflow.page.headers import with_headers
from kobo_mirror.airflow.page.rendering import FOLDER, STATIC, page_of, refusal
from kobo_mirror.airflow.page.texts import COOKIE, language_of
from kobo_mirror.database.engine import moment_of, reading
from kobo_mirror.errors import DatabaseError, KoboMirrorError, SchemaError
from kobo_mirror.forms.declared import FORM
from kobo_mirror.store import listings
from kobo_mirror.store.arrivals import lags_of
from kobo_mirror.store.failed_runs import UNBOUND
from kobo_mirror.store.overview import MirrorState, read_state
from kobo_mirror.store.schema import require_tables
from kobo_mirror.store.shown_runs import failed_start, recent_runs, run_named
from kobo_mirror.submissions.document import HIGHEST_ID

_RUNS, _REJECTIONS, _LETTERS, _DAYS = 20, 50, 20, 30

After = Annotated[int, Query(le=HIGHEST_ID, description="Only those with a higher id.")]


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


def forms(user: access.Viewer) -> list[schemas.Form]:
    """Return the forms that the database mirrors.

    :param user: who asks, by Airflow's login.
    """
    with reading(access.target_engine()) as connection:
        return [schemas.Form(**form._asdict()) for form in listings.bound_forms(connection)]


def form(asset_uid: str, user: access.Viewer) -> schemas.Overview:
    """Return the state of a form's mirror. KoboToolbox is not asked.

    :param asset_uid: the form's uid.
    :param user: who asks, by Airflow's login.
    """
    require_tables(access.target_engine(), asset_uid=asset_uid)
    with reading(access.target_engine()) as connection:
        bound = contents.bound(connection, asset_uid)
        state = read_state(connection, FORM, asset_uid, columns=contents.kept_columns)
        return _overview(connection, bound, state)


def _overview(connection: Connection, bound: listings.BoundForm, state: MirrorState) -> schemas.Overview:
    lags = lags_of(connection, bound.asset_uid)
    secret = access.shown_secret(bound.asset_uid, state.registrations)
    return view_models.overview_of(bound, state, lags, secret)


def days(
    asset_uid: str, user: access.Viewer, days: Annotated[int, Query(ge=1, le=366)] = _DAYS
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
    asset_uid: str, user: access.Viewer, limit: contents.Limit = _RUNS, name: str | None = None
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
    asset_uid: str, user: access.Viewer, after: After = -1, limit: contents.Limit = _REJECTIONS
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
    user: access.Viewer, after: After = 0, limit: contents.Limit = _LETTERS
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


def page(  # noqa: PLR0917  # FastAPI reads the query's parameters from them
    request: Request,
    user: access.Viewer,
    asset_uid: str | None = None,
    run: str | None = None,
    rejections_after: After = -1,
    letters_after: After = 0,
    cells_after: contents.Place = None,
    history_skip: form_history.Skip = 0,
) -> Any:
    """Return all of it as HTML, in the reader's language.

    :param request: names the language.
    :param user: who asks, by Airflow's login.
    :param asset_uid: the form's uid; the first form by default.
    :param run: the name of a run that is shown on its own, too.
    :param rejections_after: of the rejections only those with a higher ``_id``.
    :param letters_after: of the dead letters only those with a higher id.
    :param cells_after: of the rejected cells only those after this place.
    :param history_skip: of the form's history leave out so many of the newest entries.
    """
    if not request.url.path.endswith("/"):
        return RedirectResponse(request.url.path.rpartition("/")[2] + "/")
    language = language_of(request)
    seen: dict[str, Any] = {
        "problem": None,
        "forms": [],
        "form": None,
        "failed_start": None,
        "found_run": None,
    }
    try:
        seen |= _seen(user, asset_uid, run, (rejections_after, letters_after, cells_after, history_skip))
    except KoboMirrorError as problem:
        seen["problem"] = view_models.failure_of(problem)
    html = page_of(
        language,
        operator=access.may_trigger(user),
        prover=access.may_trigger(user, access.VERIFY),
        replayer=access.may_trigger(user, access.REPLAY),
        **seen,
    )
    response = HTMLResponse(html, headers={"Vary": "Accept-Language, Cookie"})
    if "lang" in request.query_params:
        response.set_cookie(COOKIE, language, max_age=31_536_000, samesite="lax")
    return response


def _seen(
    user: Any, asset_uid: str | None, run: str | None, after: tuple[int, int, str | None, int]
) -> dict[str, Any]:
    """Return what the database has for the page, read in one transaction."""
    rejections_after, letters_after, cells_after, skip = after
    answers = access.may_see_answers(user)
    require_tables(access.target_engine(), asset_uid=asset_uid)
    with reading(access.target_engine()) as connection:
        known, first = listings.bound_forms(connection), listings.first_bound(connection)
        if first is None:
            failed = failed_start(connection, UNBOUND)
            return {"failed_start": view_models.failure_of_run(failed)}
        bound = contents.bound(connection, asset_uid) if asset_uid else first
        asset = bound.asset_uid
        state = read_state(connection, FORM, asset, columns=contents.kept_columns)
        rejected = listings.rejected_submissions(
            connection, asset, after=rejections_after, limit=_REJECTIONS + 1, answers=answers
        )
        letters = listings.waiting_dead_letters(
            connection, asset, after=letters_after, limit=_LETTERS + 1, answers=answers
        )
        cells = contents.cells_of(connection, asset, cells_after, contents.CELLS + 1, answers=answers)
        named = run_named(connection, asset, run) if run else None
        return {
            "forms": known,
            "form": _overview(connection, bound, state),
            "days": jsonable_encoder(view_models.days_of(connection, asset, state.moment, _DAYS)),
            "rejections": view_models.rejections_of(rejected[:_REJECTIONS]),
            "letters": view_models.letters_of(letters[:_LETTERS]),
            "cells": cells[: contents.CELLS],
            "more": {
                "rejections": len(rejected) > _REJECTIONS,
                "letters": len(letters) > _LETTERS,
                "cells": len(cells) > contents.CELLS,
            },
            "after": {
                "rejections": rejections_after,
                "letters": letters_after,
                "cells": int(cells_after is not None),
            },
            "runs": [view_models.run_of(row) for row in recent_runs(connection, asset, _RUNS)],
            "found_run": view_models.run_of(named) if named else None,
            "answers": answers,
            **contents.seen(connection, bound),
            **form_history.seen(connection, asset, state.open_plan, skip),
        }


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
    "/api/forms": forms,
    "/api/forms/{asset_uid}": form,
    "/api/forms/{asset_uid}/days": days,
    "/api/forms/{asset_uid}/runs": runs,
    "/api/forms/{asset_uid}/rejections": rejections,
    "/api/forms/{asset_uid}/tables": contents.tables,
    "/api/forms/{asset_uid}/rejected-cells": contents.cells,
    "/api/forms/{asset_uid}/plan": form_history.plan,
    "/api/forms/{asset_uid}/history": form_history.history,
    "/api/dead-letters": dead_letters,
}
_SHOWN: dict[str, Any] = {"/": page, "/static/{name}": static, "/openapi.json": openapi}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": schemas.Problem} for status in (401, 403, 503)
}
