"""The simulated Outlook of the demo, and the demo's own sign-in page."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request
from flask_wtf.csrf import generate_csrf
from werkzeug.wrappers import Response as AnyResponse

from addin_host.domain.demo import PEOPLE
from addin_host.domain.identity_kinds import IdentityKind, accepted_kinds
from addin_host.domain.integration import Integration
from addin_host.flows import integrations
from addin_host.gateways.memory import DemoIdentity
from addin_host.web import demo_mail
from addin_host.web.admission import Auth, admits
from addin_host.web.headers import page_kind
from addin_host.web.office import office_context
from addin_host.web.services import services

_CARRIED = ("integration", "state", "nonce")


def make_blueprint(identity: DemoIdentity) -> Blueprint:
    """Return the routes of the demo; they exist nowhere else."""
    blueprint = Blueprint("preview", __name__)
    blueprint.add_url_rule("/", "home", _home)
    blueprint.add_url_rule("/demo", "outlook", _outlook)
    blueprint.add_url_rule("/demo/signin", "signin", _signin_page)
    demo_mail.add_routes(blueprint)

    @blueprint.post("/demo/signin")
    @page_kind("preview")
    @admits(Auth.STATE)
    def choose() -> AnyResponse:
        """Play the provider: send the browser back with a code, or with its refusal."""
        integration = services().catalogue.get(request.form.get("integration", ""))
        state, nonce = request.form.get("state", ""), request.form.get("nonce", "")
        if email := request.form.get("email"):
            answer = {"code": identity.grant(email, nonce), "state": state}
        else:
            answer = {"error": "access_denied", "state": state}
        return redirect(f"{integration.base_url}/signin/callback?{urlencode(answer)}")

    return blueprint


@page_kind("preview")
@admits(Auth.PUBLIC)
def _home() -> AnyResponse:
    return redirect("/demo")


@page_kind("preview")
@admits(Auth.PUBLIC)
def _outlook() -> str:
    host = services()
    integration = host.catalogue.get(request.args.get("integration", "1"))
    with host.database.read() as session:
        choices = [(summary.id, summary.name) for summary in integrations.overview(session)]
    return render_template(
        "preview/outlook.html",
        **office_context(integration),
        integrations=choices,
        pane_url=f"{integration.base_url}/pane",
        people=PEOPLE,
        account=_account(integration),
        csrf_token=generate_csrf(),
    )


def _account(integration: Integration) -> str:
    """Return the kind of mailbox that is played: one whose Outlook gives what the integration prefers."""
    return "enterprise" if accepted_kinds(integration)[0] is IdentityKind.EXCHANGE else "office365"


@page_kind("preview")
@admits(Auth.PUBLIC)
def _signin_page() -> str:
    integration = services().catalogue.get(request.args.get("integration", ""))
    return render_template(
        "preview/demo_signin.html",
        **office_context(integration),
        provider=integration["auth_provider"],
        people=PEOPLE,
        action="/demo/signin",
        fields={name: request.args.get(name, "") for name in _CARRIED} | {"csrf_token": generate_csrf()},
    )
