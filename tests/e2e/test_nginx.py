"""The nginx configuration that we ship, in front of a small application of the test's own."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import urllib3

from . import edge
from .certificate import Certificate
from .processes import free_port
from .upstream import JsonHandler, UnixServer, ask

PANE = "/api/client/v2/msexchange_schedulers/1/pane"
VERSION = "0123456789ab"
_ETAG = '"v1"'


@dataclass
class Application:
    """What the stand-in for gunicorn has seen, and how it behaves."""

    seen: Counter[str] = field(default_factory=Counter)
    cache_control: str = "no-cache"
    resting: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class _Handler(JsonHandler):
    application: Application

    def on_get(self) -> None:
        if self.application.resting:
            self.close_connection = True
            return None
        with self.application.lock:
            self.application.seen[self.path] += 1
        if self.path.startswith("/api/client/v2/msexchange_schedulers/1/fail"):
            return self._own(500, {"own": "page of the application"})
        if self.headers.get("If-None-Match") == _ETAG:
            return self._own(304, None)
        return self._own(200, {"path": self.path, "headers": dict(self.headers), "filler": "x" * 2000})

    def on_post(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._own(200, {"length": len(content), "headers": dict(self.headers)})

    def _own(self, status: int, content: Any) -> None:
        own = {"ETag": _ETAG, "Cache-Control": self.application.cache_control, "Strict-Transport-Security": "max-age=1"}
        self.answer(content, status, own)


@dataclass(frozen=True)
class Site:
    """The shipped site, running."""

    application: Application
    server: UnixServer
    folder: Path
    static: Path
    certificate: Certificate
    port: int
    http_port: int

    def request(self, method: str, path: str, *, host: str = edge.ADDIN, **more: Any) -> urllib3.BaseHTTPResponse:
        return ask(self.certificate, self.port, method, path, name=edge.ADDIN, host=host, **more)

    def get(self, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
        return self.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, certificates: Certificate) -> Iterator[Site]:
    folder, static = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("static")
    application = Application()
    handler = type("Handler", (_Handler,), {"application": application})
    plan = edge.Plan(
        folder=folder,
        certificate=certificates,
        port=free_port(),
        http_port=free_port(),
        upstream=f"unix:{folder}/web.sock",
        static=static,
    )
    (static / "addin").mkdir()
    (static / "addin" / "pane.js").write_text("export const pane = 1;\n" * 100)
    (static / "addin" / "icon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "secret.txt").write_text("not for the web")
    with UnixServer(str(folder / "web.sock"), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with edge.start(plan):
            yield Site(application, server, folder, static, certificates, plan.port, plan.http_port)
        server.shutdown()


@pytest.fixture
def site(running: Site) -> Site:
    running.application.seen.clear()
    running.application.cache_control = "no-cache"
    return running


def test_http_leads_to_https_under_the_configured_name(site: Site) -> None:
    answer = urllib3.PoolManager(retries=False).request(
        "GET", f"http://127.0.0.1:{site.http_port}/a?b=c", headers={"Host": "evil.example.net"}, redirect=False
    )
    assert (answer.status, answer.headers["Location"]) == (301, f"https://{edge.ADDIN}/a?b=c")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
def test_tls_1_1_is_refused(site: Site) -> None:
    old = ssl.create_default_context(cafile=str(site.certificate.authority))
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", site.port)) as plain,
        pytest.raises((ssl.SSLError, ConnectionResetError)),
    ):
        old.wrap_socket(plain, server_hostname=edge.ADDIN)


def test_forwarded_headers_tell_the_real_peer_whatever_the_client_claims(site: Site) -> None:
    answer = site.get(
        "/api/client/v2/msexchange_schedulers/1/personal_vmrs",
        X_Forwarded_For="1.2.3.4",
        X_Forwarded_Host="evil.example.net",
        X_Forwarded_Proto="http",
        X_Forwarded_Port="81",
        X_Forwarded_Prefix="/evil",
        X_Real_IP="1.2.3.4",
        Forwarded="for=1.2.3.4",
    )
    passed = {
        name: value
        for name, value in json.loads(answer.data)["headers"].items()
        if name.startswith("X-") or name in ("Host", "Forwarded")
    }
    assert passed == {
        "Host": edge.ADDIN,
        "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": edge.ADDIN,
    }


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/admin/",
        "/admin/platform/msexchangeconnector/oauth_redirect/",
        "/api/admin/configuration/v1/x/",
        "/api/admin/status/v1/x/",
        "/policy/v1/service/configuration",
        "/metrics",
        "/readyz",
        "/api/client/../admin/",
        "/api/client/%2e%2e/admin/",
        "//admin/",
        "/API/admin/",
    ],
)
def test_only_the_add_in_is_reachable(site: Site, path: str) -> None:
    assert site.get(path).status == 404
    assert not site.application.seen


def test_the_process_can_be_asked_whether_it_lives(site: Site) -> None:
    assert site.get("/livez").status == 200


def test_hsts_is_sent_once_and_the_server_names_no_version(site: Site) -> None:
    for path in (PANE, "/api/client/v2/msexchange_schedulers/1/personal_vmrs"):
        answer = site.get(path)
        assert answer.headers.getlist("Strict-Transport-Security") == ["max-age=1"]
        assert answer.headers["Server"] == "nginx"


def test_static_files_come_from_the_disk_for_good(site: Site) -> None:
    answer = site.get(f"/static/{VERSION}/addin/pane.js")
    assert (answer.status, answer.data.startswith(b"export")) == (200, True)
    expected = {
        "Content-Type": "text/javascript; charset=utf-8",
        "Cache-Control": "public, max-age=31536000, immutable",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    }
    assert {name: answer.headers.get(name) for name in expected} == expected
    assert site.get(f"/static/{VERSION}/addin/icon.svg").headers["Content-Type"] == "image/svg+xml"
    assert not site.application.seen


def test_text_is_compressed(site: Site) -> None:
    answer = site.request(
        "GET", f"/static/{VERSION}/addin/pane.js", headers={"Accept-Encoding": "gzip"}, decode_content=False
    )
    assert (answer.headers["Content-Encoding"], answer.headers["Vary"]) == ("gzip", "Accept-Encoding")


@pytest.mark.parametrize(
    "path",
    [
        f"/static/{VERSION}/../secret.txt",
        f"/static/{VERSION}/%2e%2e/secret.txt",
        f"/static/{VERSION}/addin/..%2f..%2fsecret.txt",
        f"/static/{VERSION}/addin",
        f"/static/{VERSION}/addin/",
        f"/static/{VERSION}/absent.js",
    ],
)
def test_static_gives_nothing_beside_its_files(site: Site, path: str) -> None:
    answer = site.get(path)
    assert b"not for the web" not in answer.data
    assert answer.status in (301, 400, 403, 404) or json.loads(answer.data)["path"].startswith("/static/")


def test_static_is_for_reading(site: Site) -> None:
    assert site.request("POST", f"/static/{VERSION}/addin/pane.js", body=b"x").status in (403, 405)


def test_bodies_are_bounded_on_the_pane_api(site: Site) -> None:
    session = "/api/client/v2/msexchange_schedulers/1/session"
    assert site.request("POST", session, body=b"x" * 65_536).status == 200
    assert site.request("POST", session, body=b"x" * 65_537).status == 413


def test_the_pane_is_kept_for_a_second_and_outlooks_parameter_does_not_matter(site: Site) -> None:
    time.sleep(1.2)
    began = time.monotonic()
    for number in range(20):
        assert site.get(f"{PANE}?_host_Info=Outlook%24Web%24{number}").status == 200
    assert sum(site.application.seen.values()) <= 2 + int(time.monotonic() - began)  # a slow machine takes seconds


def test_any_other_parameter_makes_a_page_of_its_own(site: Site) -> None:
    pages = {json.loads(site.get(f"{PANE}?preview={number}").data)["path"] for number in (1, 2)}
    assert pages == {f"{PANE}?preview=1", f"{PANE}?preview=2"}


def test_the_etag_is_answered_with_304(site: Site) -> None:
    assert site.get(PANE).headers["ETag"] == _ETAG
    assert site.get(PANE, If_None_Match=_ETAG).status == 304
    time.sleep(1.2)
    assert site.get(PANE, If_None_Match=_ETAG).status == 304


@pytest.mark.parametrize("cache_control", ["no-store", "private, max-age=60"])
def test_a_page_marked_as_personal_is_never_kept(site: Site, cache_control: str) -> None:
    site.application.cache_control = cache_control
    path = f"{PANE}?case={cache_control[:7]}"
    for _ in range(3):
        site.get(path)
    assert site.application.seen[path] == 3


@pytest.mark.parametrize("what", ["personal_vmrs", "meeting_details", "signin?nonce=1", "signin/callback?code=1"])
def test_personal_answers_are_never_kept(site: Site, what: str) -> None:
    site.application.cache_control = "max-age=60"
    path = f"/api/client/v2/msexchange_schedulers/1/{what}"
    for _ in range(3):
        site.get(path)
    assert site.application.seen[path] == 3


def test_the_applications_own_error_pages_pass(site: Site) -> None:
    answer = site.get("/api/client/v2/msexchange_schedulers/1/fail")
    assert (answer.status, json.loads(answer.data)) == (500, {"own": "page of the application"})


def test_codes_do_not_reach_the_log(site: Site) -> None:
    site.get("/api/client/v2/msexchange_schedulers/1/signin/callback?code=canary-code&state=canary-state")
    logs = "".join(path.read_text() for path in site.folder.glob("*.log"))
    assert "/signin/callback" in logs
    assert "canary" not in logs


def test_a_slow_client_is_let_go(site: Site) -> None:
    context = ssl.create_default_context(cafile=str(site.certificate.authority))
    started = time.monotonic()
    with (
        socket.create_connection(("127.0.0.1", site.port), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname=edge.ADDIN) as slow,
    ):
        slow.sendall(b"GET /livez HTTP/1.1\r\nHost: " + edge.ADDIN.encode() + b"\r\nX-Slow: ")
        assert slow.recv(1000) in (b"",) or time.monotonic() - started > 9
    assert time.monotonic() - started < 25


def test_without_the_application_the_pane_still_opens_and_the_rest_says_what_to_do(site: Site) -> None:
    assert site.get(PANE).status == 200
    socket_path = site.folder / "web.sock"
    socket_path.rename(site.folder / "away.sock")
    site.application.resting = True
    try:
        time.sleep(1.2)
        assert site.get(PANE).status == 200
        answer = site.get("/api/client/v2/msexchange_schedulers/1/personal_vmrs")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
        assert b"Try again in a minute" in answer.data
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    finally:
        (site.folder / "away.sock").rename(socket_path)
        site.application.resting = False
    assert site.get("/api/client/v2/msexchange_schedulers/1/personal_vmrs").status == 200
