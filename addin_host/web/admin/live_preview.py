"""What users will see, while an administrator types.

The form is kept as a draft, without its secrets, for half an hour and for this account alone; the frames of the
preview show the draft by its token. Nothing is saved, and nothing of a draft is compiled in this process.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, redirect, render_template, request
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from addin_host.domain import preview as shown
from addin_host.domain import preview_states as states
from addin_host.domain.access import Permission
from addin_host.domain.demo import PEOPLE
from addin_host.domain.errors import Reason, Refused
from addin_host.domain.manifest.context import command_label, is_on
from addin_host.domain.ports import RenderedText
from addin_host.domain.text import without_fixed_colours
from addin_host.flows import directory, icons, preview
from addin_host.flows.preview import Draft, Filling
from addin_host.web.access import caller
from addin_host.web.admin.played_pane import played_pane
from addin_host.web.admin.scope import integration_row
from addin_host.web.admission import needs
from addin_host.web.forms import submitted_record
from addin_host.web.headers import FRAMED_OUTLOOK, page_kind
from addin_host.web.services import services

blueprint = Blueprint("admin_live_preview", __name__, url_prefix="/admin/preview")

_FOUND_AT_MOST = 10
_FORMS = {"html": "HTML", "text": "Plain text"}
_LOOKS = {
    "light": {"bgcolor": "#ffffff", "text": "#242424", "link": "#0f6cbd", "vlink": "#0f6cbd"},
    "dark": {"bgcolor": "#1f1f1f", "text": "#ffffff", "link": "#7ab8ff", "vlink": "#7ab8ff"},
}
_FONTS = {
    "html": "font: 11pt Calibri, Carlito, 'Segoe UI', sans-serif; margin: 12px; overflow-wrap: anywhere",
    "text": "font: 13px/1.5 Consolas, ui-monospace, monospace; margin: 12px",
}


@blueprint.app_context_processor
def _panel() -> dict[str, Any]:
    return {"preview_panel": _panel_context}


def _panel_context() -> dict[str, Any]:
    """Return what admin/preview/_panel.html prints, wherever it is included."""
    return {
        "states": states.by_group(states.STATES),
        "texts": shown.by_section(),
        "samples": shown.SAMPLES,
        "state_of": json.dumps(dict(states.STATES_OF)),
        "may_choose_vmr": caller().may(Permission.SEE_DIRECTORY),
    }


@blueprint.post("/drafts")
@page_kind("api")
@needs(Permission.SEE_INTEGRATIONS)
def keep() -> Response:
    """Keep the form as it is being typed, and say what its texts become."""
    filling = _filling()
    draft = _draft(_keep(request.args.get("token", "")))
    made = preview.rendered_texts(draft, list(shown.TEXTS), filling, rendering=services().rendering)
    return _json(
        {
            "token": draft.token,
            "pane": {
                "version": shown.digest([shown.shown_by_the_pane(draft.integration), filling.sample, filling.vmr]),
                "states": {key: states.leads_to(draft.integration, key) for key in states.STATES},
            },
            "texts": {name: _about_text(draft, name, text) for name, text in made.items()},
        }
    )


def _keep(token: str) -> str:
    host, reference = services(), request.args.get("integration", "")
    if not reference:
        caller().require(Permission.CREATE_INTEGRATIONS)
    with host.database.read() as db:
        row = integration_row(db, reference) if reference else None
        integration_id, before = (row.id, dict(row.record)) if row else (None, None)
    record = submitted_record(request.form, before)
    with host.database.write() as db:
        return preview.keep_draft(
            db, record, account_id=caller().id, integration_id=integration_id, token=token, now=host.now()
        )


def _draft(token: str) -> Draft:
    host = services()
    with host.database.read() as db:
        found = preview.find_draft(db, token, account_id=caller().id, deployment=host.deployment, now=host.now())
    if found.integration.id:
        caller().require_reach(found.integration.id)
    return found


def _filling() -> Filling:
    """Return what the address asks the texts to be filled with. Raises Refused for a VMR that cannot be shown."""
    sample, vmr = _asked("sample", shown.SAMPLES, "usual"), request.args.get("vmr", "")
    if not vmr:
        return Filling(sample)
    caller().require(Permission.SEE_DIRECTORY)
    with services().database.read() as db:
        values = preview.vmr_values(db, vmr)
    if values is None:
        raise Refused(Reason.UNKNOWN, "There is no such VMR. Choose another one.")
    return Filling(sample, values)


def _about_text(draft: Draft, name: str, text: RenderedText) -> dict[str, Any]:
    source = str(draft.record.get(name) or "")
    safe = without_fixed_colours(source) if shown.TEXTS[name].kind != "text_template" else source
    return {
        "version": shown.digest([text.html, text.plain, str(text.problem)]),
        "problem": str(text.problem) if text.problem else None,
        "line": text.problem.line if text.problem else None,
        "column": text.problem.column if text.problem else None,
        "remarks": [str(remark) for remark in text.remarks],
        "darkSafe": safe if safe != source else None,
        "plain": text.plain,
        "used": shown.TEXTS[name].is_available(draft.record),
    }


def _json(value: Any) -> Response:
    return Response(json.dumps(value, ensure_ascii=False), content_type="application/json; charset=utf-8")


@blueprint.get("/vmrs")
@page_kind("api")
@needs(Permission.SEE_DIRECTORY)
def find_vmrs() -> Response:
    """Answer with some VMRs that fit what is typed, to fill the personal texts with."""
    found = _vmrs_like(request.args.get("q", ""))
    return _json({"vmrs": [{"uuid": line.uuid, "name": line.name, "owner": line.owner} for line in found]})


def _vmrs_like(wanted: str) -> list[directory.VmrLine]:
    wanted = wanted.strip()[:250]
    with services().database.read() as db:
        return directory.list_vmrs(db, search=wanted, limit=_FOUND_AT_MOST) if wanted else []


@blueprint.post("/")
@page_kind("admin with frames")
@needs(Permission.SEE_INTEGRATIONS)
def open_page() -> AnyResponse:
    """Keep the form and go to a page that shows everything of it: the preview without JavaScript."""
    return redirect(f"/admin/preview/{_keep('')}/", 303)


@blueprint.get("/<token>/")
@page_kind("admin with frames")
@needs(Permission.SEE_INTEGRATIONS)
def page(token: str) -> AnyResponse | str:
    """Answer with the whole preview of a draft; `wanted` goes on with the first VMR that fits."""
    if wanted := request.args.get("wanted"):
        caller().require(Permission.SEE_DIRECTORY)
        found = [("vmr", line.uuid) for line in _vmrs_like(wanted)]
        return redirect(f"/admin/preview/{token}/?{urlencode([*_choices().items(), *found[:1]])}")
    draft, filling = _draft(token), _filling()
    made = preview.rendered_texts(draft, list(shown.TEXTS), filling, rendering=services().rendering)
    return render_template(
        "admin/preview/page.html",
        draft=draft,
        states=states.by_group(
            {key: state for key, state in states.STATES.items() if states.leads_to(draft.integration, key)}
        ),
        state=_state(),
        theme=_asked("theme", shown.THEMES, "light"),
        sample=filling.sample,
        vmr=request.args.get("vmr", ""),
        vmr_name=filling.vmr["name"] if filling.vmr else "",
        texts=shown.by_section(),
        abouts={name: _about_text(draft, name, text) for name, text in made.items()},
        themes=shown.THEMES,
        samples=shown.SAMPLES,
    )


def _state() -> str:
    return _asked("state", states.STATES, states.START)


def _choices() -> dict[str, str]:
    return {name: request.args[name] for name in ("state", "theme", "sample") if name in request.args}


def _asked(name: str, known: Any, otherwise: str) -> str:
    value = request.args.get(name, "")
    return value if value in known else otherwise


@blueprint.get("/<token>/outlook")
@page_kind("framed pane")
@needs(Permission.SEE_INTEGRATIONS)
def outlook(token: str) -> Response:
    """Answer with the simulated Outlook around the draft's pane."""
    draft = _draft(token)
    page = render_template(
        "preview/framed.html",
        integration=draft.integration,
        icon_url=f"/admin/preview/{token}/icon/32.png",
        pane_url=f"/admin/preview/{token}/pane?{request.query_string.decode()}",
        theme=_asked("theme", shown.THEMES, "light"),
        state=states.STATES[_state()],
        add_command=command_label(draft.integration) if is_on(draft.integration, "enable_add_command") else "",
        people=PEOPLE,
    )
    return Response(page, headers={"Content-Security-Policy": FRAMED_OUTLOOK})


@blueprint.get("/<token>/pane")
@page_kind("framed pane")
@needs(Permission.SEE_INTEGRATIONS)
def pane(token: str) -> str:
    """Answer with the real pane page of the draft, driven into a state; scripts of other servers are left out."""
    return render_template("addin/pane.html", **played_pane(_draft(token), _state(), _filling()))


@blueprint.get("/<token>/icon/<int:size>.png")
@page_kind("framed pane")
@needs(Permission.SEE_INTEGRATIONS)
def icon(token: str, size: int) -> Response:
    """Answer with the icon that the draft's integration has, or the default one."""
    if size not in icons.ICON_SIZES:
        abort(404)
    return Response(icons.resized_icon(_draft(token).icon or icons.default_icon(), size), mimetype="image/png")


@blueprint.get("/<token>/text/<field>")
@page_kind("framed text")
@needs(Permission.SEE_INTEGRATIONS)
def text(token: str, field: str) -> str:
    """Answer with one text of the draft, rendered; or with what is wrong with it, in its place."""
    draft = _draft(token)
    if field not in shown.TEXTS:
        abort(404)
    made = preview.rendered_texts(draft, [field], _filling(), rendering=services().rendering)[field]
    form = "text" if shown.TEXTS[field].kind == "text_template" else _asked("form", _FORMS, "html")
    return render_template(
        "preview/text.html",
        field=shown.TEXTS[field],
        problem=made.problem,
        html=Markup(made.html),  # noqa: S704 - sanitised where it was rendered (domain/text/markup.py)
        plain=made.plain,
        form=form,
        look=_LOOKS[_asked("theme", shown.THEMES, "light")] | {"style": _FONTS[form]},
    )
