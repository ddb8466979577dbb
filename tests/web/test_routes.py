"""Walks over every route of the application: a new route is covered, or the walk fails (security.md section 15)."""

import re
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from addin_host.web import guard, headers
from tests.web.conftest import HOST
from tests.web.walks import address_of

REFERENCES = ["1", "999", "x", "00000000-0000-4000-8000-000000000000"]


def addresses(app):
    for rule in app.url_map.iter_rules():
        yield rule, address_of(app, rule, reference="1")


def kind(app, rule):
    return app.view_functions[rule.endpoint].page_kind


def test_every_route_declares_its_kind(world):
    rules = list(world.app.url_map.iter_rules())
    assert len(rules) >= 9
    assert all(kind(world.app, rule) in headers._BY_KIND for rule in rules)


def test_a_route_without_a_kind_stops_the_start(world):
    world.app.view_functions["undeclared"] = lambda: ""
    with pytest.raises(RuntimeError, match="undeclared"):
        headers.install(world.app)


FRAMEABLE = {"pane", "framed pane", "framed text", "api", "manifest", "icon", "static", "health"}


def expected_of(kind_name):
    required = {"Strict-Transport-Security", "X-Content-Type-Options", "Referrer-Policy", "Permissions-Policy"}
    required |= {"Content-Security-Policy", "Cross-Origin-Resource-Policy", "X-Correlation-ID"}
    return required if kind_name in FRAMEABLE else required | {"X-Frame-Options", "Cross-Origin-Opener-Policy"}


@pytest.mark.parametrize("who", ["anonymous", "administrator"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
def test_headers_on_every_route_and_every_answer(world, admin, method, who):
    client = admin().client if who == "administrator" else world.client()
    for rule, address in addresses(world.app):
        for url in (address, address.replace("/1/", "/999/"), address + "/nothing"):
            answer = client.open(url, method=method)
            assert answer.status_code < 500, (method, url, answer.text)
            missing = expected_of(kind(world.app, rule) if url == address else "static") - set(answer.headers.keys())
            assert not missing, (method, url, missing)
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"], (method, url)
            assert "unsafe-inline" not in answer.headers["Content-Security-Policy"].replace(
                "style-src-attr 'unsafe-inline'", ""
            ), (method, url)
            assert answer.headers.get("Server", "").lower() in ("", "gunicorn", "werkzeug")


def test_what_may_stand_in_a_frame(world):
    for rule, address in addresses(world.app):
        policy = world.client().get(address).headers["Content-Security-Policy"]
        ancestors = re.search(r"frame-ancestors ([^;]*)", policy)[1]
        if kind(world.app, rule) not in ("pane", "framed pane", "framed text"):
            assert ancestors == "'none'", address


def test_undeclared_methods_are_refused(world, admin):
    signed_in = admin().client
    declared = {}
    for rule, address in addresses(world.app):
        declared.setdefault(address, set()).update(rule.methods)
    for address, methods in declared.items():
        for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - methods:
            for client in (world.client(), signed_in):
                # What belongs to Flask-WTF is refused before the method is looked at: no form, no token.
                assert client.open(address, method=method).status_code in (405, 404, 308), (method, address)


def test_only_the_dialog_and_administrators_pages_set_cookies(world):
    with_cookies = ("dialog", "admin", "admin with frames")
    for rule, address in addresses(world.app):
        for method in set(rule.methods) - {"OPTIONS"}:
            answer = world.client().open(address, method=method)
            cookies = answer.headers.getlist("Set-Cookie")
            assert not cookies or kind(world.app, rule) in with_cookies, address
            for cookie in cookies:
                flags = cookie.lower()
                assert cookie.startswith("__Host-"), cookie
                assert all(flag in flags for flag in ("secure", "httponly", "samesite=lax", "path=/")), cookie


def test_personal_answers_are_never_stored(world, admin):
    signed_in = admin().client
    personal = ("api", "dialog", "health", "admin", "admin with frames", "framed pane", "framed text")
    for rule, address in addresses(world.app):
        if kind(world.app, rule) in personal:
            method = "GET" if "GET" in rule.methods else sorted(rule.methods - {"OPTIONS", "HEAD"})[0]
            for client in (world.client(), signed_in):
                assert client.open(address, method=method).headers["Cache-Control"] == "no-store", address


THIS_MACHINE = ("127.0.0.1", "localhost", "[::1]")
HOSTS = [
    "evil.example",
    f"{HOST}.evil.example",
    f"evil-{HOST}",
    "127.0.0.1",
    "localhost",
    "",
    f"{HOST}@evil.example",
    "[::1]",
]


@pytest.mark.parametrize("host", HOSTS)
def test_foreign_hosts_are_refused_everywhere(world, host):
    for rule, address in addresses(world.app):
        through_a_tunnel = host in THIS_MACHINE and urlsplit(address).path.startswith(guard._ADMINISTRATION)
        if kind(world.app, rule) == "health" or through_a_tunnel:
            continue
        answer = world.client().get(address, environ_overrides={"HTTP_HOST": host})
        assert answer.status_code == 400, (host, address)
        assert not host or host not in answer.text
        assert "Location" not in answer.headers


@pytest.mark.parametrize("host", [HOST, HOST.upper(), f"{HOST}:443", "Dev.Example.com:8443"])
def test_our_hosts_are_known_whatever_their_case_and_port(world, host):
    answer = world.client().get(world.url("pane"), environ_overrides={"HTTP_HOST": host})
    assert answer.status_code == 200


def test_a_new_integration_is_served_under_its_name_at_once(world):
    from tests.web.conftest import save

    host = {"HTTP_HOST": "new.example.com"}
    assert world.client().get(world.url("pane"), environ_overrides=host).status_code == 400
    number = save(world, name="New", addin_server_domain="new.example.com")
    assert world.client().get(world.url("pane", number), environ_overrides=host).status_code == 200


def test_addresses_come_from_the_integration_never_from_the_request(world):
    forged = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "Forwarded": "host=evil.example"}
    for _rule, address in addresses(world.app):
        answer = world.client().get(address, headers=forged)
        assert b"evil.example" not in answer.data
        assert "evil.example" not in answer.headers.get("Location", "")


def test_unknown_and_malformed_integrations_look_alike(world):
    for path in ("pane", "commands", "manifest.xml", "icon/32.png", "signin", "signin/callback", "personal_vmrs"):
        seen = set()
        for reference in REFERENCES[1:]:
            answer = world.client().get(f"https://{HOST}/api/client/v2/msexchange_schedulers/{reference}/{path}")
            body = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "", answer.text)
            seen.add((answer.status_code, body))
        assert len(seen) == 1
        assert next(iter(seen))[0] == 404


def test_health_answers_on_any_host(world):
    for path in ("/livez", "/readyz"):
        assert world.client().get(path, environ_overrides={"HTTP_HOST": "10.0.0.7:8000"}).status_code == 200


def test_what_the_database_said_stands_in_the_log_and_not_in_the_answer(world, caplog):
    with world.database.write() as session:
        session.execute(text("ALTER TABLE integration RENAME TO elsewhere"))
    answer = world.client().get(world.url("personal_vmrs"))
    assert answer.status_code == 503
    assert "integration" not in answer.json["error"]["message"]
    assert "no such table: integration" in caplog.text


def test_readiness_tells_when_the_database_is_away(world, monkeypatch):
    world.services.database.close()
    from addin_host.store import migrate

    migrate.downgrade(world.database, "base")
    answer = world.client().get("/readyz")
    assert answer.status_code == 500
    assert "addin-host db upgrade" in answer.json["error"]["message"]
    assert world.client().get("/livez").status_code == 200
