"""The page and its endpoints, a FastAPI application below Airflow's own."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response

from kobo_mirror.airflow.page import access, actions, schemas, view_models
from kobo_mirror.airflow.page.rendering import FOLDER, STATIC, page_of, refusal
from kobo_mirror.airflow.page.texts import COOKIE, language_of
from kobo_mirror.database.engine import reading
from kobo_mirror.errors import DatabaseError, KoboMirrorError, SchemaError
from kobo_mirror.forms.declared import FORM
from kobo_mirror.store import overview
from kobo_mirror.store.schema import require_tables

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_RUNS, _REJECTIONS, _LETTERS, _DAYS = 20, 50, 20, 30

Limit = Annotated[int, Query(ge=1, le=200)]
After = Annotated[int, Query(le=schemas.HIGHEST_ID, description="Only those with a higher id.")]


def create_app() -> FastAPI:
    """The application; each of its routes asks for Airflow's login."""
    app = FastAPI(
        title="Kobo Mirror",
        description="What the mirror of a KoboToolbox form holds, and what mends it.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.middleware("http")(_with_headers)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(KoboMirrorError, _explained)
    app.include_router(actions.router)
    for path, answer in _READS.items():
        app.get(path, tags=["reads"], responses=_REFUSALS)(answer)
    for path, answer in _SHOWN.items():
        app.get(path, include_in_schema=False)(answer)
    return app


async def _with_headers(request: Request, call_next: Any) -> Any:
    answer = await call_next(request)
    answer.headers["Content-Security-Policy"] = _POLICY
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "same-origin"
    answer.headers.setdefault("Cache-Control", "no-store")
    return answer


def _refused(request: Request, problem: Any) -> Response:
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        return HTMLResponse(refusal(language_of(request), problem.status_code), problem.status_code)
    return JSONResponse({"detail": problem.detail}, problem.status_code, problem.headers)


def _explained(request: Request, problem: Any) -> Response:
    status = 503 if isinstance(problem, DatabaseError | SchemaError) else 409
    return JSONResponse({"detail": str(problem)}, status)


def forms(user: access.Viewer) -> list[schemas.Form]:
    """The forms that the database mirrors."""
    with reading(access.target()) as connection:
        return [schemas.Form(**form._asdict()) for form in overview.bound_forms(connection)]


def form(asset_uid: str, user: access.Viewer) -> schemas.Overview:
    """A form and its mirror at a glance. Never asks KoboToolbox."""
    require_tables(access.target(), FORM)
    with reading(access.target()) as connection:
        return view_models.overview_of(
            connection, _bound(connection, asset_uid), view_models.utc_now(), access.secret_fingerprint()
        )


def days(
    asset_uid: str, user: access.Viewer, days: Annotated[int, Query(ge=1, le=366)] = _DAYS
) -> list[schemas.Day]:
    """Submissions first seen on each of the last days, by the way they came."""
    with reading(access.target()) as connection:
        _bound(connection, asset_uid)
        return view_models.days_of(connection, asset_uid, view_models.utc_now(), days)


def runs(
    asset_uid: str, user: access.Viewer, limit: Limit = _RUNS, name: str | None = None
) -> list[schemas.Run]:
    """The newest syncs, or the one with this name."""
    with reading(access.target()) as connection:
        _bound(connection, asset_uid)
        if name is not None:
            found = overview.named_run(connection, asset_uid, name)
            return [view_models.run_of(found)] if found else []
        return [view_models.run_of(row) for row in overview.recent_runs(connection, asset_uid, limit)]


def rejections(
    asset_uid: str, user: access.Viewer, after: After = -1, limit: Limit = _REJECTIONS
) -> list[schemas.Rejection]:
    """What does not fit, by `_id`; raw submissions only for those who may see answers."""
    answers = access.may_see_answers(user)
    with reading(access.target()) as connection:
        _bound(connection, asset_uid)
        return view_models.rejections_of(
            overview.rejected(connection, asset_uid, after=after, limit=limit, answers=answers)
        )


def dead_letters(user: access.Viewer, after: After = 0, limit: Limit = _LETTERS) -> list[schemas.DeadLetter]:
    """What the webhook was sent and could not take; bodies only for those who may see answers."""
    answers = access.may_see_answers(user)
    with reading(access.target()) as connection:
        return view_models.letters_of(
            overview.waiting_letters(connection, None, after=after, limit=limit, answers=answers)
        )


def page(  # noqa: PLR0917  # FastAPI reads the query's parameters from them
    request: Request,
    user: access.Viewer,
    asset_uid: str | None = None,
    run: str | None = None,
    rejections_after: After = -1,
    letters_after: After = 0,
) -> Any:
    """All of it for people, in their language."""
    if not request.url.path.endswith("/"):
        return RedirectResponse(request.url.path.rpartition("/")[2] + "/")
    language = language_of(request)
    seen: dict[str, Any] = {"problem": None, "forms": [], "form": None, "found_run": None}
    try:
        seen |= _seen(user, asset_uid, run, rejections_after, letters_after)
    except KoboMirrorError as problem:
        seen["problem"] = view_models.failure_of(problem)
    html = page_of(
        language,
        operator=access.may_trigger(user),
        prover=access.may_trigger(user, access.VERIFY),
        replayer=access.may_trigger(user, access.REPLAY),
        **seen,
    )
    answer = HTMLResponse(html, headers={"Vary": "Accept-Language, Cookie"})
    if "lang" in request.query_params:
        answer.set_cookie(COOKIE, language, max_age=31_536_000, samesite="lax")
    return answer


def _seen(
    user: Any, asset_uid: str | None, run: str | None, rejections_after: int, letters_after: int
) -> dict[str, Any]:
    answers = access.may_see_answers(user)
    require_tables(access.target(), FORM)
    with reading(access.target()) as connection:
        known = overview.bound_forms(connection)
        if not known:
            return {}
        bound = _bound(connection, asset_uid) if asset_uid else known[0]
        asset, moment = bound.asset_uid, view_models.utc_now()
        rejected = overview.rejected(
            connection, asset, after=rejections_after, limit=_REJECTIONS + 1, answers=answers
        )
        letters = overview.waiting_letters(
            connection, asset, after=letters_after, limit=_LETTERS + 1, answers=answers
        )
        named = overview.named_run(connection, asset, run) if run else None
        return {
            "forms": known,
            "form": view_models.overview_of(connection, bound, moment, access.secret_fingerprint()),
            "days": jsonable_encoder(view_models.days_of(connection, asset, moment, _DAYS)),
            "rejections": view_models.rejections_of(rejected[:_REJECTIONS]),
            "letters": view_models.letters_of(letters[:_LETTERS]),
            "more": {"rejections": len(rejected) > _REJECTIONS, "letters": len(letters) > _LETTERS},
            "after": {"rejections": rejections_after, "letters": letters_after},
            "runs": [view_models.run_of(row) for row in overview.recent_runs(connection, asset, _RUNS)],
            "found_run": view_models.run_of(named) if named else None,
            "answers": answers,
        }


def _bound(connection: Any, asset_uid: str) -> overview.Bound:
    for found in overview.bound_forms(connection):
        if found.asset_uid == asset_uid:
            return found
    raise HTTPException(404, "This database mirrors no such form.")


def static(name: str, user: access.Viewer) -> FileResponse:
    """A file of the page; its address changes with its content."""
    if name not in STATIC:
        raise HTTPException(404, "There is no such file.")
    forever = {"Cache-Control": "private, max-age=31536000, immutable"}
    return FileResponse(FOLDER / "static" / name, media_type=STATIC[name], headers=forever)


def openapi(request: Request, user: access.Viewer) -> JSONResponse:
    """What the endpoints take and give."""
    return JSONResponse(request.app.openapi())


_READS: dict[str, Any] = {
    "/api/forms": forms,
    "/api/forms/{asset_uid}": form,
    "/api/forms/{asset_uid}/days": days,
    "/api/forms/{asset_uid}/runs": runs,
    "/api/forms/{asset_uid}/rejections": rejections,
    "/api/dead-letters": dead_letters,
}
_SHOWN: dict[str, Any] = {"/": page, "/static/{name}": static, "/openapi.json": openapi}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": schemas.Problem} for status in (401, 403, 503)
}
