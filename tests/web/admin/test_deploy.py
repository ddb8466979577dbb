"""The Deploy page: manifest, icon, what to register and to paste, the proxy's file."""

from __future__ import annotations

import html
import io
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from PIL import Image
from sqlalchemy import select

from addin_host.domain.access import Role
from addin_host.domain.manifest import check_manifest
from addin_host.flows.icons import accept_icon, default_icon
from addin_host.store.models import AuditRow, ManifestDownloadRow
from tests.gateways.peers.certificates import private_pem, signing_certificate
from tests.web.conftest import save

PAGE = "/admin/integrations/1/deploy/"
ROLES = [(Role.VIEWER, ()), (Role.OPERATOR, ()), (Role.INTEGRATION_ADMIN, (1,)), (Role.PLATFORM_ADMIN, ())]


def picture(width=80, height=80, form="PNG", colour="#aa3300"):
    target = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(target, form)
    return target.getvalue()


def upload(browser, content, name="icon.png"):
    file = (io.BytesIO(content), name)
    return browser.post(f"{PAGE}icon", {"icon": file}, form=PAGE, content_type="multipart/form-data")


def download(browser):
    return browser.post(f"{PAGE}manifest.xml", form=PAGE)


def audited(world):
    with world.database.read() as session:
        rows = session.scalars(select(AuditRow).order_by(AuditRow.id)).all()
        return [(row.action, row.before, row.after) for row in rows if row.actor_kind == "account"]


def verdict(browser):
    text = browser.get(PAGE).text
    return " ".join(re.sub("<[^>]+>", " ", text.split('id="verdict">')[1].split("</div>")[0]).split())


@pytest.mark.parametrize(("role", "integrations"), ROLES)
def test_everybody_who_sees_integrations_sees_the_whole_page(world, admin, role, integrations):
    text = admin(role, integrations).get(PAGE).text
    assert "Download the manifest" in text
    assert "https://vmr.example.com/api/client/v2/msexchange_schedulers/1/signin/callback" in text
    assert "New-App -OrganizationApp" in text
    assert "server_name vmr.example.com;" in text
    assert ('enctype="multipart/form-data"' in text) == (role in (Role.INTEGRATION_ADMIN, Role.PLATFORM_ADMIN))


def test_a_foreign_integration_is_like_an_unknown_one(world, admin):
    browser = admin(Role.INTEGRATION_ADMIN, (2,))
    for path in ("", "manifest.xml", "icon/32.png"):
        answers = [browser.get(f"/admin/integrations/{number}/deploy/{path}") for number in (1, 999)]
        assert [answer.status_code for answer in answers] == [404, 404]
    assert browser.post(f"{PAGE}icon/remove", form="/admin/integrations/2/deploy/").status_code == 404


def test_the_download_is_a_file_with_a_telling_name_and_is_remembered(world, admin):
    browser = admin()
    looked = browser.get(f"{PAGE}manifest.xml")
    assert verdict(browser).startswith("Not downloaded yet")
    answer = download(browser)
    assert looked.data == answer.data
    assert answer.headers["Content-Disposition"] == 'attachment; filename="sales-1.0.0.1.xml"'
    assert answer.mimetype == "application/xml"
    assert check_manifest(answer.data) == []
    with world.database.read() as session:
        row = session.get_one(ManifestDownloadRow, 1)
        assert (row.version, row.manifest.encode(), row.downloaded_at) == (1, answer.data, world.clock())
        assert row.downloaded_by == "platform-admin-"
    assert audited(world) == [("download manifest", {}, {"version": "1.0.0.1"})]


def test_the_page_says_what_changed_and_whether_to_deploy_again(world, admin):
    browser = admin()
    assert verdict(browser).startswith("Not downloaded yet")
    assert download(browser).status_code == 200
    assert verdict(browser).startswith("Up to date Nothing that Outlook keeps has changed")
    uuid = world.services.catalogue.get("1").uuid
    save(world, uuid=uuid, addin_pane_title="Another title", personal_vmr_location_template="{{ name }}")
    assert verdict(browser).startswith("Up to date")
    assert "1.0.0.2" in browser.get(PAGE).text
    save(world, uuid=uuid, addin_button_label="Video & more")
    assert verdict(browser) == (
        "Deploy again One thing that Outlook keeps has changed. Download the manifest and deploy it again."
    )
    text = browser.get(PAGE).text
    assert '<td class="wrap">Create a Pexip Meeting</td><td class="wrap">Video &amp; more</td>' in text
    assert download(browser).status_code == 200
    assert verdict(browser).startswith("Up to date")


def test_a_manifest_that_outlook_would_refuse_is_not_offered_but_explained(world, admin):
    save(world, uuid=world.services.catalogue.get("1").uuid, addin_button_label="\u202e")
    browser = admin()
    text = browser.get(PAGE).text
    assert "Download the manifest" not in text
    assert '<a href="/admin/integrations/1/#addin_button_label">Add-in button label</a>' in text
    assert verdict(browser).startswith("Needs correcting")
    for answer in (browser.get(f"{PAGE}manifest.xml"), download(browser)):
        assert answer.status_code == 409
        assert "bt:String DefaultValue is blank" in answer.text
    assert audited(world) == []


def test_a_label_that_is_cut_is_pointed_out_and_no_obstacle(world, admin):
    save(world, uuid=world.services.catalogue.get("1").uuid, addin_button_label="Raum " * 40)
    text = admin().get(PAGE).text
    assert "Outlook shows at most 125 characters" in text
    assert "#addin_button_label" in text
    assert "Download the manifest" in text


def test_an_icon_is_taken_shown_and_given_back(world, admin):
    browser, png = admin(), picture()
    before = world.services.catalogue.get("1")
    assert upload(browser, png).status_code == 303
    after = world.services.catalogue.get("1")
    assert after.version == before.version + 1
    assert after.icon_hash != before.icon_hash
    assert browser.get(f"{PAGE}icon/80.png").data == accept_icon(png)
    assert Image.open(io.BytesIO(browser.get(f"{PAGE}icon/16.png").data)).size == (16, 16)
    assert browser.get(f"{PAGE}icon/33.png").status_code == 404
    assert f"v={after.icon_hash}" in browser.get(f"{PAGE}manifest.xml").text
    assert upload(browser, png).status_code == 303  # the same again changes nothing
    assert world.services.catalogue.get("1").version == after.version
    assert browser.post(f"{PAGE}icon/remove", form=PAGE).status_code == 303
    assert world.services.catalogue.get("1").icon_hash == before.icon_hash
    assert browser.get(f"{PAGE}icon/80.png").data == default_icon()
    changes = [(old, new) for action, old, new in audited(world) if action == "change"]
    assert changes == [
        ({"addin_icon": None, "version": 1}, {"addin_icon": after.icon_hash, "version": 2}),
        ({"addin_icon": after.icon_hash, "version": 2}, {"addin_icon": None, "version": 3}),
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "Choose a PNG file first."),
        (b"<svg/>", "The file is not a PNG."),
        (picture(form="JPEG"), "The file is not a PNG."),
        (picture(81, 80), "The picture is 81 x 80 pixels."),
        (picture()[:60], "The file is damaged."),
        (picture() + b"\0" * 150_000, "The file has 146 KB."),
    ],
)
def test_anything_else_is_refused_with_the_reason_and_nothing_is_lost(world, admin, content, words):
    browser = admin()
    assert upload(browser, picture()).status_code == 303
    before = world.services.catalogue.get("1")
    answer = upload(browser, content)
    assert answer.status_code == 400
    assert words in html.unescape(answer.text)
    assert "Your own icon" in answer.text
    assert world.services.catalogue.get("1") == before


def test_a_very_large_upload_is_refused(world, admin):
    assert upload(admin(), b"x" * 300_000).status_code == 413


def test_who_may_only_look_cannot_change_the_icon(world, admin):
    for role in (Role.VIEWER, Role.OPERATOR):
        browser = admin(role)
        assert browser.post(f"{PAGE}icon", {"icon": (io.BytesIO(picture()), "x.png")}).status_code == 403
        assert browser.post(f"{PAGE}icon/remove").status_code == 403
    assert world.services.catalogue.get("1").version == 1


def test_hostile_names_stay_text(world, admin):
    name = "<script>'; Remove-Item C:\\ -Recurse; '</script>"
    number = save(world, name=name, addin_display_name="<b>&\u2019;x")
    browser = admin()
    text = browser.get(f"/admin/integrations/{number}/deploy/").text
    assert "<script>'" not in text
    assert "<b>&" not in text
    answer = browser.get(f"/admin/integrations/{number}/deploy/manifest.xml")
    expected = 'attachment; filename="script-remove-item-c-recurse-script-1.0.0.1.xml"'
    assert answer.headers["Content-Disposition"] == expected


def test_nginx_takes_the_site_file_that_the_page_shows(world, admin, tmp_path: Path):
    key = rsa.generate_private_key(65537, 2048)
    certificate = signing_certificate(key).public_bytes(serialization.Encoding.PEM)
    (tmp_path / "key.pem").write_bytes(private_pem(key))
    (tmp_path / "chain.pem").write_bytes(certificate)
    found = re.search(r'<pre id="site"[^>]*>(.*?)</pre>', admin().get(PAGE).text, re.DOTALL)
    assert found
    site = html.unescape(found[1])
    assert "addin.example.com" not in site
    for shipped, own in (
        ("/etc/addin-host/tls/fullchain.pem", tmp_path / "chain.pem"),
        ("/etc/addin-host/tls/privkey.pem", tmp_path / "key.pem"),
        ("/var/cache/nginx/addin-host", tmp_path / "cache"),
        ("/var/log/nginx/addin-host", tmp_path / "log"),
    ):
        assert shipped in site
        site = site.replace(shipped, str(own))
    whole = f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\n{site}\n}}\n"
    (tmp_path / "nginx.conf").write_text(re.sub(r"listen \[::\].*;\n", "\n", whole))
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    command = [program, "-t", "-p", str(tmp_path), "-c", "nginx.conf", "-e", str(tmp_path / "error.log")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr


def test_the_site_file_is_part_of_the_package():
    root = Path(__file__).parents[3]
    assert '"deploy/nginx" = "addin_host/_resources/deploy/nginx"' in (root / "pyproject.toml").read_text()
