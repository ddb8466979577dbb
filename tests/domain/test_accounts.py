"""What names, passwords and role lines must be."""

import pytest

from addin_host.domain.access import Role
from addin_host.domain.accounts import AccountDraft, account_problems, role_from
from addin_host.domain.passwords import password_problem
from addin_host.domain.platform import PLATFORM_BY_NAME
from addin_host.domain.validation import check_fields

TRIED_FIRST = [
    "password1234",
    "Passw0rd!2024",
    "P@ssw0rd12345",
    "123456789012",
    "abcdefghijklm",
    "qwertyuiop12",
    "12345qwertyui",
    "aaaaaaaaaaaaaaa",
    "abababababab",
    "administrator1",
    "Summer2026!!!",
    "Welcome-2026!!",
    "correct horse battery staple",
]


@pytest.mark.parametrize(
    ("line", "good"),
    [
        ("sales-it = integration-admin 1 4", True),
        ("cn=it,dc=example = viewer", True),
        ("sales-it = integration-admin ²", False),
        ("sales-it = integration-admin 12345678901", False),
        ("sales-it = integration-admin", False),
        ("sales-it = viewer 1", False),
    ],
)
def test_a_line_of_roles_that_is_accepted_can_be_used(line, good):
    found = check_fields([PLATFORM_BY_NAME["oidc_roles"]], {"oidc_roles": line, "oidc_enabled": True})
    assert (found == []) is good
    assert not good or role_from([line], [line.rpartition("=")[0].strip()]) is not None


@pytest.mark.parametrize("password", TRIED_FIRST)
def test_passwords_that_are_tried_first_are_refused(password):
    assert "Choose another one" in password_problem(password, "kim")


@pytest.mark.parametrize("password", ["", "elevenchars", "x" * 257, "kurz"])
def test_the_length_of_a_password(password):
    assert "12 to 256" in password_problem(password, "kim")


@pytest.mark.parametrize("password", ["konstantinos", "Konstantinos1!", "1konstantinos9"])
def test_the_name_is_no_password(password):
    assert "is the name" in password_problem(password, "Konstantinos")


@pytest.mark.parametrize(
    "password", ["a lamp for tuesday", "look around here", "tXk9#mQ2vL7!p", "ветер и солёное море", "x" + "yz1A" * 63]
)
def test_good_passwords(password):
    assert password_problem(password, "kim") is None


@pytest.mark.parametrize("name", ["", " kim", "kim:x", "k\nim", "x" * 151, "<b>", "kim "])
def test_names_that_cannot_be(name):
    assert [problem.field for problem in account_problems(AccountDraft(name))] == ["name"]


@pytest.mark.parametrize("name", ["kim", "kim@example.com", "Kim O'Hara", "a", "ärzte-1"])
def test_names_that_can_be(name):
    assert account_problems(AccountDraft(name)) == []


def test_a_scope_belongs_to_integration_administrators():
    def fields(role, integrations):
        return [
            problem.field for problem in account_problems(AccountDraft("kim", role=role, integrations=integrations))
        ]

    assert fields(Role.INTEGRATION_ADMIN, ()) == ["integrations"]
    assert fields(Role.INTEGRATION_ADMIN, (1, 2)) == []
    assert fields(Role.VIEWER, (1,)) == ["integrations"]


def test_the_first_line_that_matches_gives_the_role():
    lines = ["admins = platform-admin", "CN=it,DC=x = integration-admin 4 1", "all = viewer"]
    assert role_from(lines, ["all", "admins"]) == (Role.PLATFORM_ADMIN, ())
    assert role_from(lines, ["CN=it,DC=x", "all"]) == (Role.INTEGRATION_ADMIN, (1, 4))
    assert role_from(lines, ["All"]) is None
    assert role_from([], ["all"]) is None
