"""The live preview: the draft of one account, shown in frames that can do nothing else."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest
from sqlalchemy import func, select

from addin_host.domain.access import Role
from addin_host.domain.preview import PLACEHOLDER_TAG, TEXTS
from addin_host.domain.preview_states import STATES
from addin_host.domain.tag import is_printed
from addin_host.flows.preview import KEPT_FOR, MOST_DRAFTS
from addin_host.store.models import AccountRow, ConferenceRow, IntegrationRow, PreviewDraftRow
from tests.web.admin_browser import Admin, MakeAdmin
from tests.web.conftest import World, save

FIELD = "personal_vmr_instructions_template"
SLOW = "{% for i in 1000|range %}{% for j in 1000|range %}{{ j }}{% endfor %}{% endfor %}"


@dataclass
class Preview:
    """What an administrator sees of one draft."""

    admin: Admin
    said: dict[str, Any]

    @property
    def token(self) -> str:
        return str(self.said["token"])

    def get(self, path: str, **query: str) -> Any:
        return self.admin.get(f"/admin/preview/{self.token}/{path}", query_string=query)

    def text(self, field: str = FIELD, **query: str) -> str:
        answer = self.get(f"text/{field}", **query)
        assert answer.status_code == 200, answer.text
        return unescape(answer.text)


def keep(admin: Admin, query: str = "?integration=1", **typed: Any) -> Preview:
    answer = admin.post(f"/admin/preview/drafts{query}", typed)
    assert answer.status_code == 200, answer.text
    return Preview(admin, answer.json)


def test_it_shows_what_is_typed_and_stores_nothing_of_it(world: World, admin: MakeAdmin) -> None:
    preview = keep(admin(), addin_pane_title="A <b>new</b> title", **{FIELD: "Join {{ name }} <b>now"})
    assert "<b>new</b> title" in preview.get("pane", state="start").text
    assert "Join Alice's meeting room <b>now</b>" in preview.text()
    about = preview.said["texts"][FIELD]
    assert about["plain"] == "Join Alice's meeting room now"
    assert about["remarks"] == [
        "line 1, column 17: <b> is opened here and not closed. It is closed at the end of the text."
    ]
    with world.database.read() as db:
        stored = db.get_one(IntegrationRow, 1)
        assert (stored.version, stored.record["addin_pane_title"]) == (1, "Add a VMR")


def test_typing_on_keeps_the_token_and_changes_only_the_versions_of_what_changed(admin: MakeAdmin) -> None:
    browser = admin()
    first = keep(browser, **{FIELD: "a"})
    second = keep(browser, f"?integration=1&token={first.token}", **{FIELD: "b"})
    assert second.token == first.token
    assert second.text() != ""
    changed = [name for name in TEXTS if first.said["texts"][name] != second.said["texts"][name]]
    assert changed == [FIELD]
    assert first.said["pane"]["version"] != second.said["pane"]["version"]  # the list shows what will be inserted
    third = keep(browser, f"?integration=1&token={first.token}", description="a note", **{FIELD: "b"})
    assert third.said == second.said


def test_secrets_and_files_never_reach_the_draft(world: World, admin: MakeAdmin) -> None:
    keep(admin(), personal_vmr_oauth_client_secret="canary-typed", password="canary-typed")
    with world.database.read() as db:
        (record,) = db.scalars(select(PreviewDraftRow.record))
    assert "canary" not in str(record)
    assert not {"personal_vmr_oauth_client_secret", "password", "addin_icon"} & set(record)


def test_a_new_integration_is_previewed_before_it_exists(admin: MakeAdmin) -> None:
    preview = keep(admin(), "", name="New", addin_server_domain="new.example.com", _boxes="enable_personal_vmrs",
                   enable_personal_vmrs="y")  # fmt: skip
    assert "https://new.example.com/webapp/" in preview.text()
    assert preview.get("outlook").status_code == 200
    assert preview.get("icon/64.png").mimetype == "image/png"


@pytest.mark.parametrize(
    ("role", "scope", "query", "status"),
    [
        (Role.VIEWER, (), "?integration=1", 200),
        (Role.VIEWER, (), "", 403),
        (Role.INTEGRATION_ADMIN, (1,), "?integration=1", 200),
        (Role.INTEGRATION_ADMIN, (2,), "?integration=1", 404),
        (Role.INTEGRATION_ADMIN, (1,), "?integration=999", 404),
        (Role.INTEGRATION_ADMIN, (1,), "", 403),
        (Role.PLATFORM_ADMIN, (), "?integration=x", 404),
    ],
)
def test_who_may_preview_what(admin: MakeAdmin, role: Role, scope: tuple[int, ...], query: str, status: int) -> None:
    browser = admin(role, scope)
    assert browser.post(f"/admin/preview/drafts{query}").status_code == status
    assert browser.post(f"/admin/preview/{query}").status_code == (303 if status == 200 else status)


PLACES = ["", "outlook", "pane", "icon/32.png", f"text/{FIELD}"]


def test_a_draft_belongs_to_one_account_for_half_an_hour(world: World, admin: MakeAdmin) -> None:
    preview = keep(admin())
    other = Preview(admin(Role.OPERATOR), preview.said)
    unknown = Preview(admin(Role.VIEWER), {"token": "x" * 43})

    def answers() -> list[set[int]]:
        return [{one.get(place).status_code for place in PLACES} for one in (preview, other, unknown)]

    assert answers() == [{200}, {404}, {404}]
    world.clock.forward(seconds=KEPT_FOR.total_seconds() - 60)
    assert answers() == [{200}, {404}, {404}]
    world.clock.forward(seconds=60)
    assert answers() == [{404}, {404}, {404}]
    nobody = world.app.test_client()
    for place in PLACES:
        assert nobody.get(f"/admin/preview/{preview.token}/{place}", base_url="https://127.0.0.1").status_code == 401


def test_a_draft_outlives_neither_the_reach_nor_its_time(world: World, admin: MakeAdmin) -> None:
    browser = admin(Role.INTEGRATION_ADMIN, (1,))
    preview = keep(browser)
    with world.database.write() as db:
        db.get_one(AccountRow, browser.account_id).integrations = [2]
    assert preview.get("pane").status_code == 404
    world.clock.forward(minutes=31)
    keep(admin())
    with world.database.read() as db:
        assert db.scalar(select(func.count()).select_from(PreviewDraftRow)) == 1


def test_another_integrations_token_is_not_taken_over(admin: MakeAdmin) -> None:
    browser = admin()
    first = keep(browser, "?integration=1", name="One")
    second = keep(browser, f"?integration=2&token={first.token}", name="Two")
    assert second.token != first.token
    assert "One" in first.get("").text


def test_every_frame_has_the_policy_of_its_kind(admin: MakeAdmin) -> None:
    preview = keep(admin(), use_custom_add_in_sources="y", _boxes="use_custom_add_in_sources",
                   additional_add_in_script_sources="https://evil.example/x.js",
                   script_hosts="https://evil.example; script-src *")  # fmt: skip
    policies = {place: preview.get(place).headers["Content-Security-Policy"] for place in PLACES}
    assert "frame-src 'self'" in policies[""]
    assert "frame-ancestors 'none'" in policies[""]
    for place in ("outlook", "pane"):
        assert "script-src 'self';" in policies[place]
        assert "frame-ancestors 'self'" in policies[place]
        assert "connect-src" not in policies[place]  # so default-src 'none' holds
    assert ("frame-src" in policies["outlook"], "frame-src" in policies["pane"]) == (True, False)
    text = policies[f"text/{FIELD}"]
    assert text.startswith("sandbox; default-src 'none'; style-src-attr 'unsafe-inline'; img-src data: https:")
    assert "frame-ancestors 'self'" in text
    assert "evil" not in str(policies) + preview.get("pane").text
    for place in PLACES[1:]:
        assert "X-Frame-Options" not in preview.get(place).headers
        assert preview.get(place).headers["Cache-Control"] == "no-store"


def test_the_pane_is_the_real_page_with_what_each_state_needs(admin: MakeAdmin) -> None:
    preview = keep(admin(), "", _boxes=BOXES, **SINGLE, **PERSONAL)
    for state in STATES:
        check_pane(preview.get("pane", state=state).text, state)


def check_pane(page: str, state: str) -> None:
    assert re.search(r'src="/static/[0-9a-f]{12}/addin/pane.js"', page)
    assert re.search(r'src="/static/[0-9a-f]{12}/preview/states.js"', page)
    assert "appsforoffice" not in page
    assert page.count("&#34;usable&#34;") + page.count('"usable"') == STATES[state].vmrs
    assert f'"state": "{state}"' in page


SINGLE_USE = {
    "enable_dynamic_vmrs": "y",
    "room_mailbox_name": "Video",
    "room_mailbox_email_address": "video@example.com",
    "scheduled_alias_prefix": "77",
    "scheduled_alias_suffix_length": "5",
    "scheduled_alias_domain": "video.example.com",
    "single_use_location_template": "{{alias}} on {{ addin_server_domain }}",
}
BOXES = ["enable_dynamic_vmrs", "enable_personal_vmrs", "enable_add_command"]
SINGLE, PERSONAL = {"enable_dynamic_vmrs": "y"}, {"enable_personal_vmrs": "y"}


def test_states_are_there_only_where_the_switches_lead_to_them(admin: MakeAdmin) -> None:
    preview = keep(admin(), _boxes=BOXES, **PERSONAL)
    states = preview.said["pane"]["states"]
    assert states["success"]
    assert not states["single-use"]
    assert '"state": "start"' in preview.get("pane", state="single-use").text


def played(preview: Preview, **query: str) -> dict[str, Any]:
    page = preview.get("pane", **query).text
    config = re.search(r"data-config='([^']*)'", page)
    assert config
    return dict(json.loads(unescape(config[1])))


def test_a_single_use_vmr_is_shown_as_the_draft_would_make_it(admin: MakeAdmin) -> None:
    preview = keep(admin(), _boxes=BOXES, placeholder_instructions_template="<p>It comes later</p>", **SINGLE_USE)
    config = played(preview, state="single-use")
    details, placeholder = (config["preview"]["meeting"][part] for part in ("details", "placeholder"))
    assert (details["numeric_alias"], details["alias"]) == ("7748151", "7748151@video.example.com")
    assert details["location"].startswith("7748151@video.example.com on ")
    assert details["room_email"] == placeholder["room_email"] == "video@example.com"
    assert is_printed(details["alias_id"], details["instructions"])
    assert details["alias_id"] in details["instructions_text"]
    assert placeholder["tok"] == PLACEHOLDER_TAG
    assert placeholder["instructions"] == f"<p>It comes later</p>\n<div>{PLACEHOLDER_TAG}</div>"
    assert (config["kinds"], config["dialog"]) == (["EXCHANGE_USER_ID_TOKEN"], True)
    long = played(preview, state="single-use", sample="long")["preview"]["meeting"]["details"]
    assert long["alias"].startswith("meet.quarterly-review")


def test_the_texts_of_scheduled_conferences_are_filled(admin: MakeAdmin) -> None:
    names = [
        "conference_name_template",
        "conference_description_template",
        "conference_subject_template",
        "scheduled_alias_description_template",
    ]
    source = "{{subject}}|{{organizer_name}}|{{organizer_email}}|{{alias}}|{{numeric_alias}}"
    typed = SINGLE_USE | dict.fromkeys(names, source)
    preview = keep(admin(), _boxes=BOXES, **typed)
    expected = "Quarterly review: plans & figures|Alice Jones|alice@example.com|7748151@video.example.com|7748151"
    for name in names:
        assert expected in preview.text(name, form="text")


def test_the_ribbon_has_the_command_that_needs_no_pane(admin: MakeAdmin) -> None:
    browser, words = admin(), {"addin_pane_button_title": "Add a <b>room</b> now"}
    on = keep(browser, _boxes=BOXES, enable_add_command="y", **SINGLE, **words)
    assert "<span>Add a room now</span>" in on.get("outlook").text
    off = keep(browser, _boxes=BOXES, enable_add_command="y", **PERSONAL, **words)
    assert "Add a room now" not in off.get("outlook").text


def test_an_error_has_line_column_and_cause_in_its_own_place_alone(admin: MakeAdmin) -> None:
    preview = keep(admin(), **{FIELD: "one\n  {{ nmae }}", "personal_vmr_name_template": "{{ name }"})
    about = preview.said["texts"][FIELD]
    assert (about["line"], about["column"]) == (2, 6)
    assert about["problem"] == "line 2, column 6: nmae is not a variable of this template; did you mean name?"
    for form in ("html", "text"):
        shown = preview.text(form=form)
        assert "This text has an error in line 2, column 6." in shown
        assert "did you mean name?" in shown
    assert "https://vmr.example.com/webapp/" in preview.text("personal_vmr_location_template")
    assert "[line 1, column" in preview.get("pane", state="one").text  # where the name would be
    assert "did you mean name?" in preview.get("").text


def test_hostile_texts_end_in_words_in_time(admin: MakeAdmin) -> None:
    hostile = {
        FIELD: SLOW,
        "personal_vmr_name_template": "{{ 'a' * 99999999 }}",
        "personal_vmr_location_template": "{% for i in 999|range %}{{ 'x' * 65000 }}{% endfor %}",
        "personal_vmr_description_template": "{{ ''.__class__.__mro__ }}",
        "meeting_instructions_template": "x" * 60_000,
        "_boxes": "enable_dynamic_vmrs",
        "enable_dynamic_vmrs": "y",
        "placeholder_instructions_template": "<b><i><u>" * 20_000,
    }
    began = time.monotonic()
    preview = keep(admin(), **hostile)
    assert time.monotonic() - began < 15  # 0.4 s on an idle machine
    problems = {name: preview.said["texts"][name]["problem"] for name in hostile if name in TEXTS}
    assert all(problems.values()), problems
    assert preview.text() != ""


def test_what_a_text_prints_cannot_leave_its_frame(admin: MakeAdmin) -> None:
    source = "<script>alert(1)</script></body><iframe src=x></iframe><img src=x onerror=alert(1)><b>{{ name }}</b>"
    shown = keep(admin(), **{FIELD: source}).text()
    assert "<b>Alice's meeting room</b>" in shown
    assert not re.search(r"<script|<iframe|onerror|alert", shown)
    in_the_pane = keep(admin(Role.VIEWER), addin_pane_title="<script>alert(1)</script><img src=x onerror=alert(1)>hi")
    assert not re.search(r"alert\(|onerror", in_the_pane.get("pane").text)


def test_fixed_black_is_warned_of_and_a_dark_safe_version_offered(admin: MakeAdmin) -> None:
    preview = keep(admin())
    about = preview.said["texts"][FIELD]
    assert "#000000" not in about["darkSafe"]
    assert preview.text(theme="dark").count('bgcolor="#1f1f1f"') == 1
    assert "color:#000000" in preview.text(theme="dark")  # nothing changes by itself
    safe = keep(preview.admin, f"?integration=1&token={preview.token}", **{FIELD: about["darkSafe"]})
    assert safe.said["texts"][FIELD]["darkSafe"] is None
    assert safe.said["texts"][FIELD]["plain"] == about["plain"]


def test_samples_fill_the_texts(admin: MakeAdmin) -> None:
    preview = keep(admin(), **{FIELD: "{{ name }}|{{ pin }}|{{ aliases|length }}|{{ guest_pin }}"})
    assert "Alice's meeting room|1357|3|2468" in preview.text(form="text")
    assert "Quarterly review of the northern region" in preview.text(sample="long")
    assert "Alice's meeting room||1|" in preview.text(sample="few")


def test_a_real_vmr_is_shown_without_its_pins(world: World, admin: MakeAdmin) -> None:
    browser = admin(Role.VIEWER)
    found = (
        browser.get("/admin/preview/vmrs?q=everyday").json["vmrs"]
        or browser.get("/admin/preview/vmrs?q=meeting room").json["vmrs"]
    )
    assert found[0]["name"] == "Alice's meeting room"
    chosen = {"vmr": found[0]["uuid"]}
    preview = keep(browser, **{FIELD: "{{ name }}|{{ pin }}|{{ guest_pin }}|{{ aliases|join(',') }}"})
    line = "Alice's meeting room|123456|123456|alice@vmr.example.com,880101,alice.room"
    assert line in preview.text(form="text", **chosen)
    assert "alice@vmr.example.com" in preview.get("pane", state="one", **chosen).text
    everything = (
        preview.text(**chosen) + preview.get("pane", state="many", **chosen).text + preview.get("", **chosen).text
    )
    assert not re.search(r"2580|4711", everything)
    assert preview.get(f"text/{FIELD}", vmr="nobody").status_code == 404


def test_without_scripts_a_vmr_is_found_by_name(admin: MakeAdmin) -> None:
    preview = keep(admin(), **{FIELD: "{{ name }}"})
    found = preview.get("", wanted="town hall", theme="dark")
    assert found.status_code == 302
    assert re.search(r"theme=dark&vmr=[0-9a-f-]{36}$", found.location)
    assert "With the VMR “Town hall”" in preview.admin.get(found.location).text
    assert "vmr=" not in preview.get("", wanted="nowhere").location


def test_one_account_keeps_so_many_drafts_only(world: World, admin: MakeAdmin) -> None:
    browser = admin()
    first = keep(browser)
    token = browser.token()
    for _ in range(MOST_DRAFTS):
        world.clock.forward(seconds=1)
        browser.post("/admin/preview/?integration=1", {"csrf_token": token})
    assert first.get("outlook").status_code == 404
    with world.database.read() as db:
        assert db.scalar(select(func.count()).select_from(PreviewDraftRow)) == MOST_DRAFTS


def test_the_directory_is_only_for_those_who_see_it(world: World, admin: MakeAdmin) -> None:
    with world.database.read() as db:
        uuid = db.scalars(select(ConferenceRow.uuid)).all()[0]
    browser = admin(Role.INTEGRATION_ADMIN, (1,))
    assert browser.get("/admin/preview/vmrs?q=a").status_code == 403
    preview = keep(browser)
    assert preview.get(f"text/{FIELD}", vmr=uuid).status_code == 403
    assert preview.get("", wanted="town hall").status_code == 403
    assert "VMR of the personal texts" not in preview.get("").text


def test_without_scripts_one_button_shows_everything(world: World, admin: MakeAdmin) -> None:
    browser = admin()
    sent = browser.post("/admin/preview/?integration=1", {FIELD: "<b>Hello {{ name }}", "addin_pane_title": "Mine"})
    assert sent.status_code == 303
    page = browser.get(sent.location)
    assert page.status_code == 200
    for field in TEXTS.values():
        assert f'id="{field.name}"' in page.text
    assert "&lt;b&gt; is opened here and not closed." in page.text
    assert "/outlook?state=start" in page.text
    outlook = browser.get(f"{sent.location}outlook?state=success&theme=dark").text
    assert 'data-theme="dark"' in outlook
    assert "Create a Pexip Meeting" in outlook
    with world.database.read() as db:
        assert db.get_one(IntegrationRow, 1).version == 1


def test_the_form_carries_the_panel(world: World, admin: MakeAdmin) -> None:
    save(world, name="Third", addin_server_domain="third.example.com")
    page = admin().get("/admin/integrations/1/").text
    assert 'data-integration="1"' in page
    assert 'formaction="/admin/preview/?integration=1"' in page
    assert page.count('<option value="personal_vmr_instructions_template"') == 1
    assert 'data-choice="wanted"' in page
    without = admin(Role.INTEGRATION_ADMIN, (1,)).get("/admin/integrations/1/").text
    assert 'data-choice="wanted"' not in without
