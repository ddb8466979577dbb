"""The site of the administrators' pages that we ship, in real nginx before a small application of the test's own."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3

from . import edge
from .certificate import Certificate, issue
from .processes import Server, free_port, listening
from .programs import program
from .upstream import JsonHandler, UnixServer, ask

ADMIN = "admin.example.test"
SHIPPED = edge.SHIPPED.with_name("addin-host-admin.conf")


class _Handler(JsonHandler):
    def on_get(self) -> None:
        self.answer({"path": self.path, "headers": dict(self.headers)})

    def on_post(self) -> None:
        self.answer({"length": len(self.rfile.read(int(self.headers.get("Content-Length", 0))))})


@dataclass(frozen=True)
class Site:
    certificate: Certificate
    port: int
    folder: Path

    def ask(self, method: str, path: str, *, host: str = ADMIN, **more: Any) -> urllib3.BaseHTTPResponse:
        return ask(self.certificate, self.port, method, path, name=host, host=host, **more)


def shipped(certificate: Certificate, folder: Path, port: int, http_port: int, network: str) -> str:
    """Both shipped sites, with their values replaced."""
    text = SHIPPED.read_text()
    for example, value in (
        ("admin.example.com", ADMIN),
        ("/etc/addin-host/tls/admin-fullchain.pem", str(certificate.chain)),
        ("/etc/addin-host/tls/admin-privkey.pem", str(certificate.key)),
        ("allow 10.0.0.0/8;", f"allow {network};"),
        ("/var/log/nginx/addin-host", str(folder / "addin-host")),
        ("listen 80;", f"listen 127.0.0.1:{http_port};"),
        ("listen 443 ", f"listen 127.0.0.1:{port} "),
    ):
        assert example in text, f"{SHIPPED} no longer holds {example}"
        text = text.replace(example, value)
    return "\n".join(line for line in text.splitlines() if "listen [::]" not in line)


@pytest.fixture(scope="module", params=["127.0.0.0/8", "192.0.2.0/24"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    certificate = issue(tmp_path_factory.mktemp("tls"), (ADMIN, edge.ADDIN))
    port, http_port = free_port(), free_port()
    plan = edge.Plan(folder, certificate, port, http_port, f"unix:{folder}/web.sock")
    configuration = folder / "nginx.conf"
    both = edge._whole(plan).rstrip().removesuffix("}")
    configuration.write_text(both + shipped(certificate, folder, port, http_port, request.param) + "\n}\n")
    command = [program("nginx"), "-p", str(folder), "-c", str(configuration), "-e", str(folder / "error.log")]
    with UnixServer(str(folder / "web.sock"), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Server(command, log=folder / "nginx.log", ready=listening(port)):
            yield Site(certificate, port, folder)
        server.shutdown()


INSIDE = pytest.mark.parametrize("site", ["127.0.0.0/8"], indirect=True)
PAGES = (
    "/admin/",
    "/admin/imports/",
    "/api/admin/configuration/v1/x/",
    "/static/v/admin/page.js",
    "/bootstrap/static/x",
)


@INSIDE
@pytest.mark.parametrize("path", PAGES)
def test_administration_is_reachable_and_the_application_is_told_who_asks(site: Site, path: str) -> None:
    forged = {"X-Forwarded-For": "1.2.3.4", "X-Forwarded-Host": "evil.example", "Forwarded": "for=1.2.3.4"}
    answer = site.ask("GET", path, headers=forged)
    assert answer.status == 200
    seen = json.loads(answer.data)
    assert seen["path"] == path
    passed = {name: value for name, value in seen["headers"].items() if name.startswith("X-") or name == "Forwarded"}
    assert passed == {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": ADMIN}
    assert seen["headers"]["Host"] == ADMIN


@INSIDE
@pytest.mark.parametrize(
    "path",
    [
        "/api/client/v2/msexchange_schedulers/1/pane",
        "/policy/v1/service/configuration",
        "/metrics",
        "/readyz",
        "/admin/../metrics",
        "/api/admin/%2e%2e/%2e%2e/metrics",
        "//metrics",
    ],
)
def test_nothing_else_is(site: Site, path: str) -> None:
    assert site.ask("GET", path).status == 404


@INSIDE
def test_the_name_alone_leads_to_the_pages(site: Site) -> None:
    answer = site.ask("GET", "/")
    assert answer.status == 302
    assert answer.headers["Location"].endswith("/admin/")


@INSIDE
def test_files_may_be_large_where_files_are_handed_in(site: Site) -> None:
    mega = 1024 * 1024
    assert json.loads(site.ask("POST", "/admin/imports/", body=b"x" * (31 * mega)).data) == {"length": 31 * mega}
    assert site.ask("POST", "/admin/imports/", body=b"x" * (33 * mega)).status == 413
    assert site.ask("POST", "/admin/settings/", body=b"x" * (3 * mega)).status == 413


@INSIDE
def test_the_add_in_keeps_its_own_site(site: Site) -> None:
    assert site.ask("GET", "/admin/", host=edge.ADDIN).status == 404
    assert site.ask("GET", "/livez", host=edge.ADDIN).status == 200


@INSIDE
def test_addresses_are_logged_without_their_query(site: Site) -> None:
    site.ask("GET", "/admin/signin/callback?code=canary-code")
    logs = "".join(path.read_text() for path in site.folder.glob("*.log"))
    assert "/admin/signin/callback" in logs
    assert "canary" not in logs


@pytest.mark.parametrize("site", ["192.0.2.0/24"], indirect=True)
def test_other_networks_are_turned_away(site: Site) -> None:
    for path in PAGES:
        assert site.ask("GET", path).status == 403
    assert site.ask("POST", "/admin/signin", body=b"x").status == 403
