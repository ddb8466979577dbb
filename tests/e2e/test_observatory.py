"""MDN's HTTP Observatory looks at the pane and at administrators' pages, behind nginx with both shipped files."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from addin_host.store.db import Database
from addin_host.store.models import PlatformSettingRow

from . import edge, programs
from .admin_demo import an_administrator
from .application import Application
from .certificate import Certificate, issue
from .processes import Server, free_port, listening
from .test_nginx_admin import ADMIN, shipped


@dataclass(frozen=True)
class Sites:
    """The add-in's site and the administrators', both on one pair of ports."""

    certificate: Certificate
    port: int
    http_port: int
    cookie: str

    def score(self, hostname: str, path: str, cookie: str = "") -> dict[str, Any]:
        asked = {"hostname": hostname, "path": path, "cookie": cookie, "httpPort": self.http_port}
        done = subprocess.run(
            [programs.node(), str(programs.HERE / "observatory.mjs"), json.dumps(asked | {"httpsPort": self.port})],
            env={**os.environ, "NODE_EXTRA_CA_CERTS": str(self.certificate.authority)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    programs.node_packages()
    folder = tmp_path_factory.mktemp("observatory")
    certificate = issue(tmp_path_factory.mktemp("tls"), (ADMIN, edge.ADDIN))
    port, http_port = free_port(), free_port()
    application = Application(folder, port, certificate.authority.read_text())
    application.install()
    cookie = _an_administrator(Database(f"sqlite:///{folder / 'addin-host.db'}"))
    plan = edge.Plan(folder, certificate, port, http_port, f"unix:{application.socket}")
    configuration = folder / "both.conf"
    both = edge._whole(plan).rstrip().removesuffix("}")
    configuration.write_text(both + shipped(certificate, folder, port, http_port, "127.0.0.0/8") + "\n}\n")
    command = [programs.program("nginx"), "-p", str(folder), "-c", str(configuration), "-e", str(folder / "error.log")]
    with application.serve(), Server(command, log=folder / "nginx.log", ready=listening(port)):
        yield Sites(certificate, port, http_port, f"__Host-addin-admin={cookie}")


def _an_administrator(database: Database) -> str:
    with database.write() as session:
        session.add(PlatformSettingRow(name="admin_address", value=f"https://{ADMIN}"))
    cookie = an_administrator(database)
    database.close()
    return cookie


PANE = "/api/client/v2/msexchange_schedulers/1/pane"


@pytest.mark.parametrize(
    ("hostname", "path", "title"),
    [(edge.ADDIN, PANE, "Add a VMR"), (ADMIN, "/admin/signin", "Sign in"), (ADMIN, "/admin/", "Dashboard")],
)
def test_the_observatory_gives_the_best_grade(sites: Sites, hostname: str, path: str, title: str) -> None:
    found = sites.score(hostname, path, sites.cookie if title == "Dashboard" else "")
    assert title in found["title"]
    assert found["status"] == 200
    assert found["grade"] == "A+", found
    assert found["score"] >= 100, found


def test_the_observatory_sees_a_page_without_headers(sites: Sites, tmp_path: Path) -> None:
    """The measure can fail: nginx's own 404 below the add-in's host name carries no policy."""
    found = sites.score(edge.ADDIN, "/nothing-here")
    assert found["grade"] != "A+", found
