"""What Outlook fetches without a sign-in: pane, commands page, manifest, icons; fresh after every save."""

import io
from pathlib import Path

import pytest
from lxml import etree
from PIL import Image

from addin_host.domain.manifest import check_manifest
from addin_host.flows.icons import ICON_SIZES
from tests.web.conftest import HOST, save


def get(world, path, integration=1, **options):
    return world.client().get(world.url(path, integration), **options)


def directives(answer):
    parts = (part.strip().split(" ") for part in answer.headers["Content-Security-Policy"].split(";"))
    return {part[0]: part[1:] for part in parts}


@pytest.mark.parametrize("path", ["pane", "commands", "manifest.xml", "icon/32.png"])
def test_unchanged_is_not_sent_again(world, path):
    first = get(world, path)
    assert first.status_code == 200
    again = get(world, path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert get(world, path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_save_is_seen_at_once(world):
    before = get(world, "pane")
    uuid = world.services.catalogue.get("1").uuid
    save(world, uuid=uuid, addin_pane_title="A room for <b>you</b><script>alert(1)</script>")
    after = get(world, "pane", headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert "A room for <b>you</b>" in after.text
    assert "alert(1)" not in after.text


def test_the_pane_has_no_inline_script_or_style(world):
    for path in ("pane", "commands"):
        tree = etree.HTML(get(world, path).text)
        assert not [script for script in tree.iter("script") if script.text]
        assert not list(tree.iter("style"))
        assert not tree.xpath("//@style | //@*[starts-with(name(), 'on')]")
        assert tree.get("lang") == "en-US"


def test_scripts_come_in_order(world):
    sources = {
        "use_custom_add_in_sources": True,
        "office_js_url": "https://cdn.example.com/office.js",
        "microsoft_fabric_url": "https://css.example.com/fabric.css",
        "additional_add_in_script_sources": "https://a.example.com/MicrosoftAjax.js\r\nhttps://a.example.com/b.js",
    }
    number = save(world, name="Offline", **sources)
    answer = get(world, "pane", number)
    tree = etree.HTML(answer.text)
    scripts = [src for src in tree.xpath("//script/@src") if src.startswith("https://")]
    assert scripts == [
        "https://a.example.com/MicrosoftAjax.js",
        "https://a.example.com/b.js",
        "https://cdn.example.com/office.js",
    ]
    assert directives(answer)["script-src"] == ["'self'", "https://cdn.example.com", "https://a.example.com"]
    assert "https://css.example.com" in directives(answer)["style-src"]


def test_who_may_frame_the_pane(world):
    number = save(world, name="Own", frame_ancestors="https://owa.example.com\r\nhttps://mail.example.com:444")
    ancestors = directives(get(world, "pane", number))["frame-ancestors"]
    assert ancestors[:2] == ["https://outlook.office.com", "https://outlook.office365.com"]
    assert ancestors[-2:] == ["https://owa.example.com", "https://mail.example.com:444"]
    assert "'self'" not in ancestors
    assert "X-Frame-Options" not in get(world, "pane").headers
    assert get(world, "pane").headers["Cross-Origin-Opener-Policy"] == "unsafe-none"


def test_the_pane_opens_although_nobody_outside_answers(world):
    assert get(world, "pane").status_code == 200
    assert world.provider.redeemed == []


def test_the_manifest_is_clean_and_its_version_rises(world):
    first = get(world, "manifest.xml")
    assert first.mimetype == "application/xml"
    assert check_manifest(first.data) == []
    uuid = world.services.catalogue.get("1").uuid
    save(world, uuid=uuid, addin_button_label="Video")
    second = get(world, "manifest.xml")
    space = "{http://schemas.microsoft.com/office/appforoffice/1.1}"

    def text(answer, name):
        return etree.fromstring(answer.data).findtext(space + name)

    assert text(first, "Id") == text(second, "Id") == uuid
    assert [int(n) for n in text(second, "Version").split(".")] > [int(n) for n in text(first, "Version").split(".")]


def test_icons_in_every_size(world):
    for size in ICON_SIZES:
        answer = get(world, f"icon/{size}.png")
        assert Image.open(io.BytesIO(answer.data)).size == (size, size)
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert get(world, "icon/33.png").status_code == 404


def test_grey_icons_in_every_size(world):
    for size in ICON_SIZES:
        answer = get(world, f"icon/grey/{size}.png")
        assert (answer.status_code, answer.mimetype) == (200, "image/png")
        assert answer.data != get(world, f"icon/{size}.png").data
    assert get(world, "icon/grey/33.png").status_code == 404


def test_the_check_on_send_is_served_at_an_address_that_never_changes(world):
    answer = get(world, "launch.js")
    assert (answer.status_code, answer.mimetype) == (200, "text/javascript")
    assert answer.data == Path(world.services.assets.folder / "addin" / "launch.js").read_bytes()
    assert answer.headers["Cache-Control"] == "no-cache"
    again = get(world, "launch.js", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_an_icon_is_kept_for_ever_only_under_its_own_address(world):
    version = world.services.catalogue.get("1").icon_hash
    assert "immutable" in get(world, f"icon/64.png?v={version}").headers["Cache-Control"]
    assert "immutable" not in get(world, "icon/64.png?v=other").headers["Cache-Control"]
    assert "immutable" not in get(world, "icon/64.png").headers["Cache-Control"]


def test_static_files_are_kept_for_ever_under_their_version(world):
    url = f"https://{HOST}" + world.services.assets.url("addin/pane.js")
    answer = world.client().get(url)
    assert answer.status_code == 200
    assert answer.mimetype == "text/javascript"
    assert "immutable" in answer.headers["Cache-Control"]
    assert world.client().get(url.replace("pane.js", "../../pyproject.toml")).status_code == 404
    assert (
        "immutable"
        not in world.client().get(f"https://{HOST}/static/000000000000/addin/pane.js").headers["Cache-Control"]
    )


def test_found_by_uuid_too(world):
    integration = world.services.catalogue.get("1")
    by_uuid = world.client().get(f"https://vmr.example.com/api/client/v2/msexchange_schedulers/{integration.uuid}/pane")
    assert by_uuid.data == get(world, "pane").data
