"""Messages to a real mail server of ours: encryption, passwords, hostile names, words for what goes wrong."""

from __future__ import annotations

import socket
from email import message_from_bytes, policy

import pytest

from addin_host.domain.errors import HostError, Misconfigured, Upstream
from addin_host.domain.ports import Letter, MailServer
from addin_host.gateways.mail import SmtpMail, written
from tests.gateways.peers.certificates import Ca
from tests.gateways.peers.mail_server import MailServerPeer
from tests.gateways.peers.names import Names, watched_connects

CA = Ca("Mail CA")
TLS = CA.server_context("mail.test")
NAMES = Names({"mail.test": ("127.0.0.1",), "meta.test": ("169.254.169.254",)})
LETTER = Letter("alarms@example.com", ("ada@example.com", "bob@example.com"), "Alarm: Überraschung", "Line one\nTwo ✓")


def mail(**options: object) -> SmtpMail:
    return SmtpMail(NAMES, **{"ca_bundle": CA.pem, "seconds": 5.0, **options})  # type: ignore[arg-type]


def server(peer: MailServerPeer, security: str, **more: str) -> MailServer:
    return MailServer("mail.test", peer.port, security, **more)


@pytest.mark.parametrize(("security", "implicit"), [("STARTTLS", False), ("TLS", True), ("NONE", False)])
def test_a_letter_arrives(security, implicit):
    with MailServerPeer(TLS, implicit=implicit) as peer:
        mail().send(server(peer, security), LETTER)
    (sender, recipients, data, secured) = peer.box.messages[0]
    message = message_from_bytes(data, policy=policy.default)
    assert (sender, recipients) == ("alarms@example.com", ["ada@example.com", "bob@example.com"])
    assert message["Subject"] == "Alarm: Überraschung"
    assert message.get_content().splitlines()[:2] == ["Line one", "Two ✓"]
    assert message["Auto-Submitted"] == "auto-generated"
    assert secured is (security != "NONE")


def test_a_password_goes_over_an_encrypted_connection_only():
    with MailServerPeer(TLS, password="pass word") as peer:
        mail().send(server(peer, "STARTTLS", username="ada", password="pass word"), LETTER)
        assert peer.box.signed_in == [("ada", "pass word")]
        assert peer.box.said.index("STARTTLS") < next(
            at for at, line in enumerate(peer.box.said) if line.startswith("AUTH")
        )
    with watched_connects() as connects, pytest.raises(Misconfigured, match="without encryption"):
        mail().send(MailServer("mail.test", 25, "NONE", username="ada", password="pass word"), LETTER)
    assert connects == []


@pytest.mark.parametrize(
    ("letter", "password"),
    [
        (Letter("alarms@example.com", ("käthe@example.com",), "s", "t"), "pass word"),
        (Letter("kästen@example.com", ("ada@example.com",), "s", "t"), "pass word"),
        (LETTER, "pässword-canary"),
    ],
)
def test_what_the_protocol_cannot_carry_is_said_without_saying_it(letter, password):
    with (
        MailServerPeer(TLS, password="pass word") as peer,
        pytest.raises(Misconfigured, match="plain letters") as found,
    ):
        mail().send(server(peer, "STARTTLS", username="ada", password=password), letter)
    assert peer.box.messages == []
    assert found.value.__cause__ is None


def test_without_starttls_on_the_other_side_nothing_is_sent():
    with MailServerPeer(TLS, starttls=False, password="x") as peer, pytest.raises(Misconfigured, match="offer"):
        mail().send(server(peer, "STARTTLS", username="ada", password="x"), LETTER)
    assert peer.box.messages == []
    assert peer.box.signed_in == []


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize(
    "context", [Ca("Stranger").server_context("mail.test"), CA.server_context("other.test")], ids=["CA", "name"]
)
def test_a_certificate_that_does_not_hold_stops_it(context, implicit):
    security = "TLS" if implicit else "STARTTLS"
    with MailServerPeer(context, implicit=implicit, password="x") as peer, pytest.raises(Upstream, match="certificate"):
        mail().send(server(peer, security, username="ada", password="x"), LETTER)
    assert peer.box.signed_in == []
    assert peer.box.messages == []


def test_refusals_are_put_into_words_that_hold_nothing_of_the_server():
    with MailServerPeer(TLS, password="right") as peer, pytest.raises(Misconfigured, match="password") as caught:
        mail().send(server(peer, "STARTTLS", username="ada", password="wrong"), LETTER)
    assert "4711" not in caught.value.message
    with MailServerPeer(TLS, refused=LETTER.to) as peer, pytest.raises(Misconfigured, match="recipients") as caught:
        mail().send(server(peer, "STARTTLS"), LETTER)
    assert "10.9.8.7" not in caught.value.message


def test_one_refused_recipient_does_not_stop_the_others():
    with MailServerPeer(TLS, refused=LETTER.to[:1]) as peer:
        mail().send(server(peer, "STARTTLS"), LETTER)
    assert peer.box.messages[0][1] == ["bob@example.com"]


def test_silence_and_absence_end_in_time():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(Upstream, match="in time"):
            mail(seconds=0.5).send(MailServer("mail.test", port, "STARTTLS"), LETTER)
    with pytest.raises(Upstream, match="could not be reached"):
        mail().send(MailServer("mail.test", port, "STARTTLS"), LETTER)
    with pytest.raises(Upstream, match="not found"):
        mail().send(MailServer("nowhere.test", 25, "NONE"), LETTER)


def test_addresses_of_clouds_are_not_called():
    with watched_connects() as connects, pytest.raises(Misconfigured, match="may not be called"):
        mail().send(MailServer("meta.test", 25, "NONE"), LETTER)
    assert connects == []


HOSTILE = [
    "=?utf-8?q?Hi=0D=0ABcc=3A_evil=40example.org?=",
    "=?utf-8?b?SGkNCkJjYzogZXZpbEBleGFtcGxlLm9yZw==?=",
    "=?utf-8?q?=3D=3Futf-8=3Fq=3FHi=3D0D=3D0ABcc=3D3A_evil=3F=3D?=",
    "Hi\r\nBcc: evil@example.org",
    "Hi\nBcc: evil@example.org",
    "Hi\rBcc: evil@example.org",
    "Hi\r\n\r\nA new body",
    "Hi\x00\x0b\x0c\x1c\x1d\x1e\x85Bcc: evil@example.org",
    "Hi\u2028Bcc: evil@example.org\u2029X: y",
    "Hi\ud800Bcc: evil",
    "\u202eevil\u202c",
    "=?utf-8?q?Hi=0AContent-Type=3A_text/html?= =?utf-8?q?=0AX=3A_y?=",
    "x" * 5000,
    "é" * 3000,
    "a" * 70 + "\t" + "b" * 70 + " =?x?q?=0D=0ABcc:_e?=",
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_bring_no_header(name):
    expected = {"from", "to", "subject", "date", "message-id", "auto-submitted", "mime-version"}
    expected |= {"content-type", "content-transfer-encoding"}
    data = written(
        Letter("alarms@example.com", ("ada@example.com",), f"Alarm: X ({name})", f"Integration: {name}\nEnd")
    )
    for reading in (policy.compat32, policy.default, policy.SMTP):
        message = message_from_bytes(data, policy=reading)
        assert sorted(key.lower() for key in message.keys()) == sorted(expected)  # noqa: SIM118 - twins would hide
        assert message.defects == []
    assert all(len(line) <= 998 for line in data.split(b"\r\n"))
    assert "\n" not in str(message_from_bytes(data, policy=policy.default)["Subject"])
    assert message_from_bytes(data, policy=policy.default).get_content_type() == "text/plain"


def test_every_failure_is_one_of_the_house():
    with MailServerPeer(TLS) as peer:
        peer.tls = None  # the server breaks down in the middle of STARTTLS
        with pytest.raises(HostError):
            mail().send(server(peer, "STARTTLS"), LETTER)
