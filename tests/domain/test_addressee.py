"""Who is never written to."""

import pytest

from addin_host.domain.addressee import unwritable

OWN = "vmr@example.com"


@pytest.mark.parametrize(
    "address",
    [
        "", "  ", "ada", "ada@", "@example.com", "a b@example.com", "ada@example.com\r\nBcc: x@y.example", "a@b, c@d",
        "ada@example.com\u2028", "ada@@example.com", "<ada@example.com>", f"{'a' * 65}@example.com",
        "VMR@example.com", "no-reply@example.com", "noreply+1@example.com", "donotreply@example.com",
        "MAILER-DAEMON@example.com", "postmaster@example.com", "bounces-77@example.com",
        "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@example.com",
    ],
)  # fmt: skip
def test_machines_the_mailbox_itself_and_what_is_no_address(address):
    assert unwritable(address, OWN).endswith(".")


@pytest.mark.parametrize(
    "address", ["noreen@example.com", "bounty@example.com", "o'neil@example.com", "é@bücher.example"]
)
def test_people_are_written_to(address):
    assert unwritable(address, OWN) == ""
