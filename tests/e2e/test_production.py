"""A production start: `addin-host serve` on a unix socket, behind nginx with TLS and the shipped configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import urllib3
from lxml import etree

from . import edge
from .application import Application
from .certificate import Certificate
from .processes import free_port

BASE = "/api/client/v2/msexchange_schedulers/1"


class Visitor:
    """Somebody on the internet, who trusts the run's own authority."""

    def __init__(self, port: int, certificate: Certificate) -> None:
        self._pool = urllib3.HTTPSConnectionPool(
            "127.0.0.1",
            port,
            ca_certs=str(certificate.authority),
            server_hostname=edge.ADDIN,
            assert_hostname=edge.ADDIN,
            retries=False,
            timeout=15.0,
        )

    def get(self, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
        return self._pool.request("GET", path, headers={"Host": edge.ADDIN, **headers}, redirect=False)


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory, certificates: Certificate) -> Iterator[Visitor]:
    folder, port = tmp_path_factory.mktemp("production"), free_port()
    application = Application(folder, port, certificates.authority.read_text(), command=("-m", "addin_host.app"))
    application.install()
    plan = edge.Plan(
        folder=folder,
        certificate=certificates,
        port=port,
        http_port=free_port(),
        upstream=f"unix:{application.socket}",
    )
    with application.serve(), edge.start(plan):
        yield Visitor(port, certificates)


def test_the_pane_lives_at_the_plain_name_and_its_files_come_from_the_disk(visitor: Visitor) -> None:
    answer = visitor.get(f"{BASE}/pane")
    page = answer.data.decode()
    assert (answer.status, answer.headers.getlist("Strict-Transport-Security")) == (
        200,
        ["max-age=31536000; includeSubDomains"],
    )
    assert '"origin": "https://addin.example.test"' in page
    files = set(re.findall(r'"(/static/[0-9a-f]{12}/([a-z0-9./-]+))"', page))
    assert len(files) > 5
    for address, path in files:
        given = visitor.get(address)
        assert given.data == (edge.STATIC / path).read_bytes()
        assert given.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_the_pane_answers_its_etag_with_304(visitor: Visitor) -> None:
    etag = visitor.get(f"{BASE}/pane").headers["ETag"]
    assert visitor.get(f"{BASE}/pane", **{"If-None-Match": etag}).status == 304


def test_the_manifest_and_its_icons(visitor: Visitor) -> None:
    manifest = etree.fromstring(visitor.get(f"{BASE}/manifest.xml").data)
    icons = {value for value in manifest.xpath("//@DefaultValue") if "/icon/" in value}
    assert len(icons) >= 3
    for icon in icons:
        answer = visitor.get(icon.removeprefix("https://addin.example.test"))
        assert (answer.status, answer.headers["Content-Type"], answer.data[:4]) == (200, "image/png", b"\x89PNG")


@pytest.mark.parametrize("host", ["evil.example.net", "addin.example.test.evil.example.net", "localhost", "127.0.0.1"])
def test_other_names_are_refused(visitor: Visitor, host: str) -> None:
    answer = visitor.get(f"{BASE}/pane", Host=host)
    assert (answer.status, host.encode() in answer.data) == (400, False)


def test_the_process_lives_and_the_rest_is_closed(visitor: Visitor) -> None:
    paths = ("/livez", "/", "/admin/", "/metrics", "/readyz", "/demo", "/api/admin/status/v1/x/")
    assert [visitor.get(path).status for path in paths] == [200, 404, 404, 404, 404, 404, 404]
    assert visitor.get(f"{BASE}/personal_vmrs").status == 401
