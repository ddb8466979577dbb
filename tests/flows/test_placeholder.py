"""The placeholder: made in advance, signed without the database, good for a day."""

from datetime import timedelta

from addin_host.domain.tag import Kind, find_tags
from addin_host.flows.placeholder import placeholder
from addin_host.flows.tag_keys import TagKeys
from tests.flows.meetings import an_integration


def test_a_text_that_ends_with_a_tag_of_its_own(database, box, clock):
    integration, keys = an_integration(database, box, clock), TagKeys(database, box)
    made = placeholder(integration, keys=keys, now=clock())
    assert set(made) == {"instructions", "instructions_text", "tok", "expires", "room_name", "room_email"}
    assert (made["room_name"], made["room_email"]) == ("Scheduling", "vmr@example.com")
    assert made["expires"] == (clock() + timedelta(hours=24)).isoformat()
    assert "This meeting will be hosted" in made["instructions_text"]
    assert made["instructions_text"].splitlines()[-1] == made["tok"]
    (tag,) = find_tags(made["instructions"], keys.all(), is_html=True)
    assert (tag.kind, tag.integration_id, tag.issued) == (Kind.PLACEHOLDER, integration.id, clock())
    assert placeholder(integration, keys=keys, now=clock())["tok"] != made["tok"]


def test_the_text_is_sanitised(database, box, clock):
    text = "<script>x()</script><p onclick='x()'>Soon</p>"
    integration = an_integration(database, box, clock, placeholder_instructions_template=text)
    made = placeholder(integration, keys=TagKeys(database, box), now=clock())
    assert made["instructions"] == f"<p>Soon</p>\n<div>{made['tok']}</div>"


def test_it_is_made_without_the_database(database, box, clock, monkeypatch):
    integration, keys = an_integration(database, box, clock), TagKeys(database, box)
    keys.signing()
    for way in ("read", "write", "rows", "row", "write_alone"):
        monkeypatch.delattr(type(database), way)
    assert placeholder(integration, keys=keys, now=clock()) is not None


def test_there_is_none_where_single_use_is_off(database, box, clock):
    off = an_integration(database, box, clock, enable_dynamic_vmrs=False)
    disabled = an_integration(
        database, box, clock, name="Other", room_mailbox_email_address="b@example.com", enabled=False
    )
    for integration in (off, disabled):
        assert placeholder(integration, keys=TagKeys(database, box), now=clock()) is None
