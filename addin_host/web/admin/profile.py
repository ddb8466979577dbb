"""What an administrator keeps of the own account: password, one-time codes, sessions."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, render_template, request
from werkzeug.wrappers import Response

from addin_host.domain.errors import Invalid, Misconfigured, Problem, Reason, Refused
from addin_host.flows import accounts, admin_sessions, admin_signin, platform, second_factor, setup_links
from addin_host.flows.admin_signin import Proof
from addin_host.web import access
from addin_host.web.admin.answers import form_again, problems_of
from addin_host.web.admin.browsers import browser_name
from addin_host.web.admission import needs
from addin_host.web.headers import page_kind
from addin_host.web.services import services

blueprint = Blueprint("admin_profile", __name__, url_prefix="/admin/profile")
blueprint.add_app_template_filter(browser_name, "browser_name")
HOME = "/admin/profile/"


@blueprint.get("/")
@page_kind("admin")
@needs(None)
def page() -> str:
    """The caller's own account."""
    return _page([])


def _page(problems: list[Problem]) -> str:
    host = services()
    with host.database.read() as db:
        account = accounts.get(db, access.caller().id)
        lifetime = platform.admin_lifetime(db)
        sessions = admin_sessions.of_account(db, account.id, now=host.now(), lifetime=lifetime)
    return render_template(
        "admin/profile.html",
        account=account,
        sessions=sessions,
        present=g.admin_session.id,
        lifetime=lifetime,
        problems=problems,
        form=request.form,
    )


def _again(refusal: Refused) -> Response:
    return form_again(_page(problems_of(refusal)), refusal)


@blueprint.post("/")
@page_kind("admin")
@needs(None)
def change() -> Response:
    """Change display name and e-mail address."""
    host, form = services(), request.form
    try:
        with host.database.write() as db:
            accounts.change_own(
                db,
                access.caller(),
                display_name=form.get("display_name", "").strip(),
                email=form.get("email", "").strip(),
                now=host.now(),
            )
    except Refused as refusal:
        return _again(refusal)
    flash("Your account is saved.", "success")
    return redirect(HOME, 303)


@blueprint.post("/password")
@page_kind("admin")
@needs(None)
def change_password() -> Response:
    """Change the password; all other sessions end, and this one gets a new id."""
    host, form, visit = services(), request.form, access.visit()
    caller, proof = access.caller(), Proof(password=form.get("current", ""))
    try:
        password = setup_links.typed_twice(form.get("password", ""), form.get("again", ""))
        setup_links.require_good(password, caller.name)
        admin_signin.prove(
            host.database,
            g.admin_session,
            proof,
            box=host.box,
            visit=visit,
            neighbourhood=access.neighbourhood(visit.network),
        )
        setup_links.set_password(host.database, caller.id, password, caller=caller, now=visit.now)
    except Refused as refusal:
        return _again(refusal)
    with host.database.write() as db:
        cookie = admin_signin.reopen(db, caller.id, visit=visit)
    response = access.keep_session(redirect(HOME, 303), cookie)
    flash("Your password is changed, and your other sessions are ended.", "success")
    return response


@blueprint.post("/sessions/<int:session_id>/end")
@page_kind("admin")
@needs(None)
def end_session(session_id: int) -> Response:
    """End one of the caller's sessions."""
    host, caller = services(), access.caller()
    with host.database.write() as db:
        accounts.end_session(db, caller.id, session_id, caller=caller, now=host.now())
    flash("The session is ended.", "success")
    return redirect(HOME, 303)


@blueprint.post("/sessions/end-others")
@page_kind("admin")
@needs(None)
def end_other_sessions() -> Response:
    """Sign the caller out everywhere else."""
    host = services()
    with host.database.write() as db:
        accounts.end_other_sessions(db, caller=access.caller(), but=g.admin_session.id, now=host.now())
    flash("You are signed out everywhere else.", "success")
    return redirect(HOME, 303)


@blueprint.get("/codes")
@page_kind("admin")
@needs(None, fresh=True)
def codes_page() -> Response | str:
    """Show a new key for an authenticator app; it counts once a code of it comes back."""
    with services().database.read() as db:
        if accounts.get(db, access.caller().id).has_codes:
            return redirect(HOME)
    return _codes_page(second_factor.new_key(), "")


def _codes_page(key: str, problem: str) -> str:
    caller = access.caller()
    address = second_factor.address(key, caller.name)
    return render_template(
        "admin/profile_codes.html",
        key=" ".join(key[start : start + 4] for start in range(0, len(key), 4)),
        address=address,
        picture=second_factor.qr_code(address),
        sealed=services().box.seal(_key_place(caller.id), key),
        problem=problem,
    )


def _key_place(account_id: int) -> str:
    """The key that is being set up comes back in the form, sealed for this account."""
    return f"account:{account_id}:new totp"


@blueprint.post("/codes")
@page_kind("admin")
@needs(None, fresh=True)
def switch_codes_on() -> Response | str:
    """Switch one-time codes on and show the recovery codes, once."""
    host, caller = services(), access.caller()
    try:
        key = host.box.open(_key_place(caller.id), request.form.get("sealed", ""))
    except Misconfigured:
        return redirect(f"{HOME}codes", 303)
    try:
        with host.database.write() as db:
            account = accounts.row_of(db, caller.id, lock=True)
            if account.sealed_totp is not None:
                raise Refused(Reason.CONFLICT, "One-time codes are on already. Switch them off first.")
            codes = second_factor.switch_on(
                db, account, key, request.form.get("code", ""), box=host.box, caller=caller, now=host.now()
            )
    except Invalid as refusal:
        return form_again(_codes_page(key, refusal.problems[0].message), refusal)
    return render_template("admin/profile_recovery.html", codes=codes, is_new=True)


@blueprint.post("/codes/change")
@page_kind("admin")
@needs(None)
def change_codes() -> Response | str:
    """Switch one-time codes off, or make new recovery codes; both need a code."""
    host, caller, visit = services(), access.caller(), access.visit()
    proof = Proof(code=request.form.get("code", "").strip() or "-")
    try:
        admin_signin.prove(
            host.database,
            g.admin_session,
            proof,
            box=host.box,
            visit=visit,
            neighbourhood=access.neighbourhood(visit.network),
        )
    except Refused as refusal:
        return _again(refusal)
    with host.database.write() as db:
        if request.form.get("act") == "renew":
            account = accounts.row_of(db, caller.id, lock=True)
            codes = second_factor.renew_recovery_codes(db, account, caller=caller, now=visit.now)
            return render_template("admin/profile_recovery.html", codes=codes, is_new=False)
        accounts.switch_codes_off(db, caller.id, caller=caller, now=visit.now)
    flash("One-time codes are switched off.", "success")
    return redirect(HOME, 303)
