import os
import stat

import pytest
from cryptography.fernet import Fernet

from addin_host.domain.errors import Misconfigured
from addin_host.store import keys
from addin_host.store.models import IntegrationRow, IntegrationSecretRow
from addin_host.store.secrets import SecretBox, create_key_file, read_keys


def test_what_is_sealed_opens_only_in_its_place(box):
    sealed = box.seal("integration:1:password", "canary")
    assert "canary" not in sealed
    assert box.open("integration:1:password", sealed) == "canary"
    with pytest.raises(Misconfigured, match="moved to another place"):
        box.open("integration:2:password", sealed)


def test_another_key_does_not_open_it(box):
    sealed = box.seal("a", "canary")
    with pytest.raises(Misconfigured, match="key file"):
        SecretBox([Fernet.generate_key()]).open("a", sealed)


def test_an_altered_value_does_not_open(box):
    sealed = box.seal("a", "canary")
    with pytest.raises(Misconfigured):
        box.open("a", sealed[:-4] + "AAAA")


def test_rotation_opens_old_values_and_seals_with_the_new_key():
    old, new = Fernet.generate_key(), Fernet.generate_key()
    sealed = SecretBox([old]).seal("a", "canary")
    both = SecretBox([new, old])
    assert both.open("a", sealed) == "canary"
    assert SecretBox([new]).open("a", both.seal("a", "x")) == "x"


def test_derived_keys_differ_by_purpose_and_come_newest_first():
    old, new = Fernet.generate_key(), Fernet.generate_key()
    both = SecretBox([new, old])
    assert both.derived("x") == (*SecretBox([new]).derived("x"), *SecretBox([old]).derived("x"))
    assert both.derived("x") != both.derived("y")


def test_the_key_file_is_private_from_the_start(tmp_path):
    path = tmp_path / "deep" / "addin-host.key"
    previous = os.umask(0)
    try:
        create_key_file(path)
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    create_key_file(path)
    assert path.read_bytes() == before
    assert len(read_keys(path)) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o666, 0o610])
def test_a_key_that_others_can_read_is_refused(tmp_path, mode):
    path = tmp_path / "key"
    create_key_file(path)
    path.chmod(mode)
    with pytest.raises(Misconfigured, match="chmod 600"):
        read_keys(path)


@pytest.mark.parametrize("content", ["", "not a key\n"])
def test_a_key_file_without_keys_is_refused(tmp_path, content):
    path = tmp_path / "key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(Misconfigured, match="no valid keys"):
        read_keys(path)


def test_a_missing_key_is_never_replaced_while_secrets_exist(database, tmp_path, clock):
    box = keys.secret_box(tmp_path / "first.key", database)
    with database.write() as session:
        row = IntegrationRow(
            uuid="u", name="n", fqdn="", record={}, icon_hash="", created_at=clock(), updated_at=clock()
        )
        row.secrets.append(IntegrationSecretRow(field="password", sealed=box.seal("x", "y")))
        session.add(row)
    with pytest.raises(Misconfigured, match=r"second\.key is missing"):
        keys.secret_box(tmp_path / "second.key", database)
    assert not (tmp_path / "second.key").exists()
