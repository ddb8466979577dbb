"""Who is let in where: every route x every caller (security.md sections 5, 6 and 15). Generated from the URL map."""

import re

import pytest

from addin_host.domain.access import GRANTS, Role
from addin_host.flows import api_users
from addin_host.store.models import AlarmRow, ApiUserRow, CheckRunRow
from addin_host.web import access
from addin_host.web.admission import Auth
from tests.web.walks import ADMIN, contents, routes

SAME_SITE = {"Sec-Fetch-Site": "same-origin", "Origin": f"https://{ADMIN}"}
SCOPES = {Role.INTEGRATION_ADMIN: (1,)}
# GET has an effect there (security.md 15.2).
EFFECTIVE = {"signin.start", "signin.callback", "admin_signin.callback", "admin_service_account.oauth_redirect"}


def api_headers(world, role, integrations=(), name=None):
    token = f"token-{role}-{name}-{integrations}"
    with world.database.write() as session:
        session.add(
            ApiUserRow(
                name=name or f"api-{role}-{integrations}",
                token_hash=api_users.token_hash(token),
                role=role.value,
                integrations=list(integrations),
                created_at=world.clock(),
            )
        )
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


def test_every_route_declares_who_may_come_in(world):
    found = list(routes(world.app))
    assert len(found) > 60
    for route in found:
        assert route.admission.auth in Auth, str(route)


def test_a_route_that_declares_nothing_stops_the_start(world):
    world.app.view_functions["undeclared"] = lambda: ""
    with pytest.raises(RuntimeError, match="undeclared"):
        access.install(world.app)


def test_without_a_session_administrators_pages_ask_to_sign_in(world):
    before = contents(world.database)
    for route in routes(world.app, Auth.SESSION):
        answer = world.app.test_client().open(
            route.address, method=route.method, headers={"Accept": "text/html", **SAME_SITE}
        )
        if route.is_unsafe:
            assert answer.status_code in (400, 401), str(route)
        else:
            assert answer.status_code == 302, str(route)
            assert answer.location.startswith("/admin/signin?next="), str(route)
    assert contents(world.database) == before


def foreign_token(admin):
    """A token that is good for another browser."""
    return admin(Role.VIEWER).token()


@pytest.mark.parametrize("attack", ["no token", "foreign token", "token of an old session", "cross-site", "same-site"])
def test_no_form_can_be_sent_by_another_site(world, admin, attack):
    browser = admin()
    headers, token = dict(SAME_SITE), browser.token()
    if attack == "no token":
        token = ""
    elif attack == "foreign token":
        token = foreign_token(admin)
    elif attack == "token of an old session":
        browser.client.delete_cookie("__Host-addin-form", domain=ADMIN)
        browser.get("/admin/profile/")
    else:
        headers = {"Sec-Fetch-Site": attack, "Origin": "https://evil.example"}
    before, walked = contents(world.database), 0
    for route in routes(world.app, Auth.SESSION):
        if route.is_unsafe:
            walked += 1
            answer = browser.client.open(
                route.address, method=route.method, data={"csrf_token": token}, headers=headers
            )
            assert answer.status_code == 400, (str(route), attack)
            assert contents(world.database) == before, (str(route), attack)
    assert walked > 20


def test_another_sites_origin_is_refused_by_old_browsers_too(world, admin):
    browser = admin()
    token = browser.token()
    for route in routes(world.app, Auth.SESSION):
        if route.is_unsafe:
            answer = browser.client.open(
                route.address,
                method=route.method,
                data={"csrf_token": token},
                headers={"Origin": "https://evil.example"},
            )
            assert answer.status_code == 400, str(route)


@pytest.mark.parametrize("auth", [Auth.BEARER, Auth.API])
def test_routes_without_sessions_take_no_session(world, admin, auth):
    browser = admin()
    for route in routes(world.app, auth):
        answer = browser.client.open(route.address, method=route.method, headers=SAME_SITE)
        assert answer.status_code == 401, str(route)
        if auth is Auth.API:
            assert answer.headers["WWW-Authenticate"].startswith("Basic"), str(route)
            assert answer.json["error"], str(route)


@pytest.mark.parametrize("role", list(Role))
def test_roles(world, admin, role):
    admin(Role.INTEGRATION_ADMIN, (2,))  # has the ids that the walk asks for; the walker keeps account and session
    browser = admin(role, SCOPES.get(role, ()))
    program = api_headers(world, role, SCOPES.get(role, ()))
    token, walked = browser.token(), 0
    for route in routes(world.app, Auth.SESSION, Auth.API):
        permission, walked = route.admission.permission, walked + 1
        if route.admission.auth is Auth.API:
            answer = world.app.test_client().open(route.address, method=route.method, headers=program)
        elif route.view.__module__.endswith(("signin", "profile")):
            continue  # these end the walker's own session; every administrator has them
        else:
            data = {"csrf_token": token} if route.is_unsafe else None
            answer = browser.client.open(route.address, method=route.method, data=data, headers=SAME_SITE)
        if permission is not None and permission not in GRANTS[role]:
            assert answer.status_code == 403, (str(route), role)
        else:
            assert answer.status_code not in (401, 403) or _protects_itself(route, answer), (str(route), role)
            assert answer.status_code < 500, (str(route), role, answer.text)
    assert walked > 60


def _protects_itself(route, answer):
    """Some routes ask for more than one permission, in words."""
    return answer.status_code == 403 and "You may not" in answer.text


def test_get_changes_nothing(world, admin):
    browser, program = admin(), api_headers(world, Role.OPERATOR)  # who sees no PINs: that would be audited
    before = contents(world.database)
    for route in routes(world.app):
        if route.method != "GET" or route.rule.endpoint in EFFECTIVE:
            continue
        headers = program if route.admission.auth is Auth.API else SAME_SITE
        browser.client.get(route.address, headers=headers)
        assert contents(world.database) == before, str(route)


def a_foreign_alarm_and_run(world):
    """Rows of integration 2 with ids that the walk asks for (1)."""
    with world.database.write() as session:
        common = {"integration_id": 2}
        session.add(
            AlarmRow(
                identifier="x", open_key="x:2", name="X", level="error", details="", raised_at=world.clock(), **common
            )
        )
        session.add(
            CheckRunRow(
                version=1, asked_by="t", started_at=world.clock(), updated_at=world.clock(),
                finished_at=world.clock(), results=[], **common,
            )
        )  # fmt: skip


def test_what_belongs_to_another_integration_looks_unknown(world, admin):
    a_foreign_alarm_and_run(world)
    browser = admin(Role.INTEGRATION_ADMIN, (1,))
    program = api_headers(world, Role.INTEGRATION_ADMIN, (1,))
    token, walked = browser.token(), 0

    def ask(route, reference):
        address = next(
            one.address for one in routes(world.app, reference=reference, pk=reference)
            if (one.rule, one.method) == (route.rule, route.method)
        )  # fmt: skip
        headers = program if route.admission.auth is Auth.API else SAME_SITE
        data = {"csrf_token": token} if route.is_unsafe and route.admission.auth is Auth.SESSION else None
        client = browser.client if route.admission.auth is Auth.SESSION else world.app.test_client()
        answer = client.open(address, method=route.method, data=data, headers=headers)
        body = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|/\d+/|(?<==)[\w.-]{40,}|value=\"[^\"]+\"", "", answer.text)
        return answer.status_code, re.sub(rf"(?<![\w-]){reference}\b", "?", body)  # not that of a class such as mb-2

    before = contents(world.database)
    for route in routes(world.app, Auth.SESSION, Auth.API):
        if not {"reference", "pk"} & set(route.rule.arguments):
            continue
        if route.admission.permission not in GRANTS[Role.INTEGRATION_ADMIN]:
            continue
        walked += 1
        foreign, unknown = ask(route, "2"), ask(route, "999")
        assert foreign == unknown, (str(route), foreign, unknown)
        assert foreign[0] in (404, 400, 302), (str(route), foreign)
        assert contents(world.database) == before, str(route)
    assert walked > 5
