"""The list: who owns what, what is rendered, and that a change is seen at once."""

from sqlalchemy import select, update

from addin_host.flows.directory import pin_place
from addin_host.store.models import ConferenceAliasRow, ConferenceRow, EndUserRow
from tests.web.conftest import BOB, save


def names(world, bearer, **options):
    return [one["name"] for one in world.vmrs(bearer, **options).json]


def test_everything_is_rendered(world):
    first = world.vmrs(world.bearer()).json[0]
    assert set(first) == {
        "id", "name", "description", "location", "instructions", "instructions_text", "alias", "usable", "reason"
    }  # fmt: skip
    assert first["location"] == "https://vmr.example.com/webapp/#/?conference=alice@vmr.example.com"
    assert first["alias"] == "alice@vmr.example.com"
    assert "<b>4711</b>" in first["instructions"]
    assert "2580" not in first["instructions"], "the host PIN stays with the owner where guests have their own"
    assert "4711" in first["instructions_text"]
    assert "<" not in first["instructions_text"]


def test_a_vmr_without_alias_is_listed_but_cannot_be_chosen(world):
    listed = {one["name"]: one for one in world.vmrs(world.bearer(BOB)).json}
    lonely = listed["Bob's unfinished room"]
    assert lonely["usable"] is False
    assert "no alias" in lonely["reason"]
    assert listed["Project Amber"]["usable"] is True


def test_changes_are_seen_at_once(world):
    bearer = world.bearer()
    before = names(world, bearer)
    with world.database.write() as session:
        row = session.scalar(select(ConferenceRow).where(ConferenceRow.name == before[0]))
        row.description, row.version = "Changed", row.version + 1
    assert world.vmrs(bearer).json[0]["description"] == "Changed"
    with world.database.write() as session:
        session.execute(
            update(ConferenceRow)
            .where(ConferenceRow.name == before[0])
            .values(primary_owner_email_address="somebody@example.com", version=ConferenceRow.version + 1)
        )
    assert names(world, bearer) == before[1:]


def test_the_owner_is_matched_whatever_the_case(world):
    with world.database.write() as session:
        session.add(
            ConferenceRow(
                uuid="c", name="Upper", primary_owner_email_address="ALICE@Example.com", created_at=world.clock(),
                aliases=[ConferenceAliasRow(alias="upper")],
            )
        )  # fmt: skip
    assert "Upper" in names(world, world.bearer())


def test_services_that_are_no_personal_vmrs_are_not_listed(world):
    with world.database.write() as session:
        session.add(
            ConferenceRow(
                uuid="c", name="Playback", service_type="media_playback", created_at=world.clock(),
                primary_owner_email_address="alice@example.com",
            )
        )  # fmt: skip
    assert "Playback" not in names(world, world.bearer())


def test_each_integration_renders_with_its_own_templates(world):
    number = save(world, name="Own texts", personal_vmr_name_template="{{name|upper}} ({{service_type}})")
    assert names(world, world.bearer(integration=number), integration=number)[0] == "ALICE'S MEETING ROOM (conference)"
    assert names(world, world.bearer())[0] == "Alice's meeting room"


def test_a_template_that_prints_random_values_is_rendered_each_time(world):
    number = save(world, name="Random", personal_vmr_description_template="{{pex_uuid4()}}")
    bearer = world.bearer(integration=number)
    seen = {world.vmrs(bearer, integration=number).json[0]["description"] for _ in range(3)}
    assert len(seen) == 3


def test_a_template_that_fails_is_replaced_by_the_default(world):
    number = save(world, name="Failing", personal_vmr_location_template="{{name|pex_require_min_length(99)}}")
    listed = world.vmrs(world.bearer(integration=number), integration=number).json
    assert listed[0]["location"] == "https://vmr.example.com/webapp/#/?conference=alice@vmr.example.com"


def test_a_deleted_user_sees_nothing(world):
    bearer = world.bearer()
    with world.database.write() as session:
        session.delete(session.scalar(select(EndUserRow)))
    assert world.vmrs(bearer).json == []


def test_a_new_vmr_never_shows_what_was_rendered_for_a_deleted_one(world):
    bearer = world.bearer()
    world.vmrs(bearer)
    with world.database.write() as session:
        newest = session.scalars(select(ConferenceRow).order_by(ConferenceRow.id.desc())).first()
        number = newest.id
        session.delete(newest)
    with world.database.write() as session:
        session.add(
            ConferenceRow(
                uuid="n", name="New", primary_owner_email_address="alice@example.com", created_at=world.clock(),
            )
        )  # fmt: skip
    with world.database.read() as session:
        assert session.scalar(select(ConferenceRow.id).where(ConferenceRow.name == "New")) > number
    assert "New" in names(world, bearer)


def test_pins_stay_out_of_the_logs_and_of_other_answers(world, caplog):
    caplog.set_level("DEBUG")
    world.vmrs(world.bearer())
    for path in ("pane", "commands", "manifest.xml"):
        assert "4711" not in world.client().get(world.url(path)).text
    assert "4711" not in caplog.text
    assert "97531" not in caplog.text


def test_a_sealed_pin_moved_to_another_vmr_is_not_shown(world):
    with world.database.write() as session:
        alices, halls = session.scalars(
            select(ConferenceRow).where(ConferenceRow.primary_owner_email_address == "alice@example.com")
        ).all()
        halls.sealed_pin = alices.sealed_pin
        assert pin_place(alices.uuid, "pin") != pin_place(halls.uuid, "pin")
    answer = world.vmrs(world.bearer())
    assert answer.status_code == 500
    assert answer.json["error"]["code"] == "misconfigured"
    assert "2580" not in answer.text
