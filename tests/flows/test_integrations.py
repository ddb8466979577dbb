"""Saving, changing and exporting integrations, on both databases."""

import base64
import io

import pytest
from PIL import Image

from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.domain.deployment import Deployment
from addin_host.domain.errors import Invalid, Misconfigured, Refused
from addin_host.domain.fields import FIELDS, defaults
from addin_host.domain.text import TemplateProblem
from addin_host.flows import integrations, platform
from addin_host.store.models import IntegrationSecretRow
from tests.conftest import a_record


def no_trial(candidates):
    return [None] * len(candidates)


def save(database, box, clock, record, trial=no_trial):
    with database.read() as session:
        before = integrations.existing(session, record)
    draft = integrations.prepare(record, before=before, trial=trial)
    with database.write() as session:
        row = integrations.save(session, draft, expected_version=None, caller=ON_THIS_MACHINE, box=box, now=clock())
        return integrations.to_value(row, Deployment())


def test_what_is_left_out_gets_its_default_to_the_byte(database, box, clock):
    saved = save(database, box, clock, a_record())
    given = set(a_record()) | {"uuid"}
    for field in FIELDS:
        if not field.is_secret and field.name not in given:
            assert saved.values[field.name] == defaults()[field.name], field.name
    assert "\r\n" in saved["personal_vmr_instructions_template"]
    assert saved.origin == "https://vmr.example.com"
    assert saved.version == 1


def test_an_export_can_be_imported_again_and_changes_nothing(database, box, clock):
    first = save(database, box, clock, a_record())
    with database.read() as session:
        exported = integrations.export(session, str(first.id))
    assert set(exported) == {field.name for field in FIELDS if not field.is_secret}
    second = save(database, box, clock, exported)
    assert second.id == first.id
    assert second.version == 2
    assert second.values == first.values
    assert second.secrets_set == {"personal_vmr_oauth_client_secret"}


def test_secrets_are_sealed_and_never_exported(database, box, clock):
    saved = save(database, box, clock, a_record())
    with database.read() as session:
        stored = session.get(IntegrationSecretRow, (saved.id, "personal_vmr_oauth_client_secret"))
        assert "canary" not in stored.sealed
        assert "canary" not in str(integrations.export(session, str(saved.id)))
        clear = integrations.secret(session, saved.id, "personal_vmr_oauth_client_secret", box=box)
        assert clear == "canary-client-secret"
        assert integrations.secret(session, saved.id, "password", box=box) == ""


def test_a_sealed_secret_copied_to_another_row_does_not_open(database, box, clock):
    first = save(database, box, clock, a_record())
    second = save(database, box, clock, a_record(name="Development"))
    with database.write() as session:
        rows = [
            session.get(IntegrationSecretRow, (one.id, "personal_vmr_oauth_client_secret")) for one in (first, second)
        ]
        rows[1].sealed = rows[0].sealed
    with database.read() as session, pytest.raises(Misconfigured, match="another place"):
        integrations.secret(session, second.id, "personal_vmr_oauth_client_secret", box=box)


def test_a_new_host_forgets_the_secret_that_went_to_the_old_one(database, box, clock):
    saved = save(database, box, clock, a_record())
    with database.read() as session:
        exported = integrations.export(session, saved.uuid)
    moved = exported | {"personal_vmr_oauth_token_endpoint": "https://login.evil.example/token"}
    with pytest.raises(Invalid) as refusal:
        save(database, box, clock, moved)
    assert [problem.field for problem in refusal.value.problems] == ["personal_vmr_oauth_client_secret"]
    again = save(database, box, clock, moved | {"personal_vmr_oauth_client_secret": "retyped"})
    with database.read() as session:
        assert integrations.secret(session, again.id, "personal_vmr_oauth_client_secret", box=box) == "retyped"


def test_an_address_that_cannot_be_read_is_refused_like_any_other_fault(database, box, clock):
    saved = save(database, box, clock, a_record())
    with database.read() as session:
        exported = integrations.export(session, saved.uuid)
    with pytest.raises(Invalid) as refusal:
        save(database, box, clock, exported | {"personal_vmr_oauth_token_endpoint": "https://[x"})
    assert "personal_vmr_oauth_token_endpoint" in [problem.field for problem in refusal.value.problems]
    with pytest.raises(Invalid), database.write() as session:
        given = {"oidc_enabled": True, "oidc_issuer": "https://[x"}
        platform.change(session, given, box=box, caller=ON_THIS_MACHINE, now=clock())


def test_names_and_mailboxes_are_unique(database, box, clock):
    save(database, box, clock, a_record())
    with pytest.raises(Invalid) as refusal:
        save(database, box, clock, a_record())
    assert [str(problem) for problem in refusal.value.problems] == [
        "Name: is in use by another integration. Choose another one."
    ]


def test_every_fault_is_named_and_nothing_is_stored(database, box, clock):
    with pytest.raises(Invalid) as refusal:
        save(database, box, clock, a_record(name="", time_zone="x", uuid="no", nmae="y", addin_icon="%%"))
    assert {problem.field for problem in refusal.value.problems} == {"name", "time_zone", "uuid", "nmae", "addin_icon"}
    with database.read() as session:
        assert integrations.overview(session) == []


def test_a_template_that_fails_its_trial_refuses_the_record(database, box, clock):
    def trial(candidates):
        assert [candidate.source for candidate in candidates] == ["{{nmae}}"]
        return [TemplateProblem("it is broken", 3)]

    with pytest.raises(Invalid, match="Personal VMR name template: line 3: it is broken"):
        save(database, box, clock, a_record(personal_vmr_name_template="{{nmae}}"), trial)


def test_templates_that_are_not_in_use_are_not_tried(database, box, clock):
    def trial(candidates):
        assert candidates == []
        return []

    save(database, box, clock, a_record(meeting_instructions_template="{{broken"), trial)


def png(colour="red"):
    file = io.BytesIO()
    Image.new("RGBA", (80, 80), colour).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def test_the_icon_is_kept_unless_another_one_is_given(database, box, clock):
    first = save(database, box, clock, a_record(addin_icon=png()))
    assert len(first.icon_hash) == 12
    with database.read() as session:
        exported = integrations.export(session, first.uuid)
    assert exported["addin_icon"]
    assert save(database, box, clock, exported | {"addin_icon": None}).icon_hash == first.icon_hash
    assert save(database, box, clock, exported | {"addin_icon": png("blue")}).icon_hash != first.icon_hash


def test_found_by_number_and_by_uuid_and_by_nothing_else(database, box, clock):
    saved = save(database, box, clock, a_record())
    with database.read() as session:
        assert integrations.find(session, str(saved.id)).id == saved.id
        assert integrations.find(session, saved.uuid.upper()).id == saved.id
        for reference in ("0", "999", "Sales", "", "1 OR 1=1", "٣", "9" * 30):
            with pytest.raises(Refused, match="There is no integration"):
                integrations.find(session, reference)


def test_an_id_is_never_used_again(database, box, clock):
    first = save(database, box, clock, a_record())
    with database.write() as session:
        assert integrations.delete(session, first.id, caller=ON_THIS_MACHINE, now=clock()) == "Sales"
    assert save(database, box, clock, a_record()).id > first.id


def test_several_stand_side_by_side(database, box, clock):
    for name in ("Sales", "Development"):
        save(database, box, clock, a_record(name=name))
    with database.read() as session:
        assert [(one.name, one.personal, one.single_use) for one in integrations.overview(session)] == [
            ("Sales", True, False),
            ("Development", True, False),
        ]
