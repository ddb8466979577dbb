"""Who is asking: which tokens the pane gets on which client (real msal-browser), and the session that begins so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.web.pane.stage import HERE, ORIGIN, STATIC, Stage

EXCHANGE, SSO, NAA = "EXCHANGE_USER_ID_TOKEN", "SSO_TOKEN", "NAA_TOKEN"
ALL = [EXCHANGE, SSO, NAA]
LIBRARY = f"{STATIC}/vendor/msal-browser.min.js"
NESTED = {"clientId": "addin", "authority": "https://login.microsoftonline.com/tid", "scope": "api://api/access"}
OUTLOOK = (HERE / "identities.js").read_text(encoding="utf-8")


class Client:
    """One page in which an Outlook is played, with an identity and a session over it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requested: list[str] = []
        page.on("request", lambda request: self.requested.append(request.url))

    def play(self, kinds: list[str] = ALL, library: str = LIBRARY, **played: Any) -> None:
        self.page.reload()
        self.requested.clear()
        self.page.evaluate(OUTLOOK, played)
        config = {"kinds": kinds, "naa": {**NESTED, "library": library} if NAA in kinds else None}
        self.page.evaluate(
            """async ([folder, config]) => {
              const { createIdentity } = await import(`${folder}/identity.js`);
              globalThis.identity = createIdentity({ config, log: (line) => lines.push(line) });
            }""",
            [f"{STATIC}/addin", config],
        )

    def set(self, **played: Any) -> None:
        self.page.evaluate("played => void Object.assign(globalThis.played, played)", played)

    def next(self, **options: Any) -> str | None:
        return self.page.evaluate("options => identity.next(options)", options)

    def begin(self, script: str) -> None:
        """Begin something that waits for the clock."""
        self.page.evaluate(f"() => void (globalThis.pending = {script})")

    def end(self) -> Any:
        return self.page.evaluate("pending")

    @property
    def asked(self) -> list[str]:
        return self.page.evaluate("asked")

    @property
    def lines(self) -> str:
        return "\n".join(self.page.evaluate("lines"))


@pytest.fixture(scope="module")
def client(plain_chromium: Browser) -> Iterator[Client]:
    context = plain_chromium.new_context()
    stage = Stage(context.new_page())
    stage.pages["/blank"] = "<!doctype html>"
    stage.page.clock.install()
    stage.page.goto(f"{ORIGIN}/blank")
    yield Client(stage.page)
    context.close()


# --- which kinds ----------------------------------------------------------------------------------------------------

TOKENS = {"exchange": "token-exchange", "sso": "token-sso", "naa": "token-naa"}


@pytest.mark.parametrize(
    ("account", "kinds", "token"),
    [
        ("enterprise", ALL, "token-exchange"),
        ("enterprise", [NAA, SSO, EXCHANGE], "token-exchange"),
        ("enterprise", [NAA, SSO], None),
        ("office365", ALL, "token-sso"),
        ("office365", [EXCHANGE, NAA, SSO], "token-naa"),
        ("office365", [EXCHANGE], None),
        ("outlookCom", ALL, None),
        ("gmail", ALL, None),
        (None, ALL, "token-exchange"),
        (None, [NAA, EXCHANGE], "token-naa"),
        ("unheardOf", [SSO], "token-sso"),
        ("office365", [], None),
    ],
)
def test_the_mailbox_decides_which_kind_is_asked_for(client, account, kinds, token):
    client.play(kinds, accountType=account, **TOKENS)
    assert client.next() == token


@pytest.mark.parametrize(
    "played",
    [
        {"sets": ["IdentityAPI 1.3"]},
        {"sets": ["NestedAppAuth 1.0"]},
        {"bridge": None},
    ],
)
def test_a_client_without_nested_authentication_is_not_made_to_load_the_library(client, played):
    client.play([NAA], accountType="office365", **TOKENS, **played)
    assert client.next() is None
    assert client.next(pressed=True) is None
    assert not any("msal" in url for url in client.requested)


def test_a_library_that_is_not_installed_is_not_asked_for(client):
    client.play([NAA], library="", accountType="office365", **TOKENS)
    assert client.next(pressed=True) is None
    assert client.asked == []


def test_a_client_without_a_call_goes_on(client):
    client.play(ALL, exchange=None, sets=[])
    assert client.next() is None
    client.play([SSO], sso="token-sso", sets=["IdentityAPI 1.2"])
    assert client.next() is None


def test_sso_never_shows_anything(client):
    client.play([SSO], accountType="office365", sso="token-sso")
    assert client.next(pressed=True) == "token-sso"
    options = json.loads(client.asked[0].removeprefix("sso "))
    assert options == {"allowSignInPrompt": False, "allowConsentPrompt": False, "forMSGraphAccess": False}


# --- what can go wrong ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [9017, 9018, 9042])
def test_an_exchange_that_gives_no_tokens_is_not_asked_twice(client, code):
    client.play([EXCHANGE, SSO], exchange=code, sso="token-sso")
    assert client.next() == "token-sso"
    client.page.clock.fast_forward(3_600_000)
    assert client.next() == "token-sso"
    assert client.asked.count("exchange") == 1


@pytest.mark.parametrize("failure", [9041, 9020, "throw"])
def test_a_passing_failure_is_tried_again_after_a_while(client, failure):
    client.play([EXCHANGE], exchange=failure)
    assert client.next() is None
    client.set(exchange="token-back")
    assert client.next() is None
    assert client.asked == ["exchange"]
    client.page.clock.fast_forward(61_000)
    assert client.next() == "token-back"


def test_an_outlook_that_never_answers_does_not_hold_up_the_others(client):
    client.play([EXCHANGE, SSO, NAA], exchange="silent", sso="silent", naa="token-naa")
    client.begin("identity.next()")
    client.page.clock.run_for(5_001)
    client.page.clock.run_for(10_001)
    assert client.end() == "token-naa"
    assert f"{EXCHANGE} failed with timeout" in client.lines
    assert f"{SSO} failed with timeout" in client.lines


def test_a_bridge_that_never_answers_ends_too(client):
    client.play([NAA], bridge="silent", naa="token-naa")
    client.begin("identity.next()")
    client.page.wait_for_timeout(0)
    while "GetInitContext" not in client.asked:
        client.page.clock.run_for(10)
    client.page.clock.run_for(10_001)
    assert client.end() is None


@pytest.mark.parametrize("answer", ["", None, 7, {"token": "x"}])
def test_only_text_is_a_token(client, answer):
    client.play([EXCHANGE], exchange="token-later")
    give = "(done) => done({status: 'succeeded', value})"
    client.page.evaluate(f"value => void (Office.context.mailbox.getUserIdentityTokenAsync = {give})", answer)
    assert client.next() is None


def test_a_library_that_cannot_be_loaded_is_a_failure_like_others(client):
    client.play([NAA, EXCHANGE], library="https://elsewhere.example.com/msal.js", **TOKENS)
    assert client.next() == "token-exchange"


def test_what_was_refused_is_not_asked_for_until_reset(client):
    client.play(ALL, **TOKENS)
    got = []
    while token := client.next(pressed=True):
        got.append(token)
        client.page.evaluate("identity.refuse()")
    assert got == ["token-exchange", "token-sso", "token-naa"]
    client.page.clock.fast_forward(3_600_000)
    assert client.next() is None
    client.page.evaluate("identity.reset()")
    assert client.next() == "token-exchange"


# --- nested app authentication, with the real library ---------------------------------------------------------------


def test_nested_authentication_asks_for_our_scope_without_a_question(client):
    client.play([NAA], accountType="office365", naa="token-naa")
    assert not any("msal" in url for url in client.requested)
    assert client.next() == "token-naa"
    assert client.asked[:2] == ["GetInitContext", "GetToken"]
    scopes = client.asked[2].removeprefix("for addin: ").split()
    assert "api://api/access" in scopes
    assert "GetTokenPopup" not in client.asked
    assert {url for url in client.requested if not url.startswith(ORIGIN)} == set()


@pytest.mark.parametrize("status", ["USER_INTERACTION_REQUIRED", "ACCOUNT_UNAVAILABLE"])
def test_a_question_is_asked_only_after_a_press(client, status):
    client.play([NAA], accountType="office365", naa=status, popup="token-asked")
    assert client.next() is None
    assert client.next() is None
    assert client.asked.count("GetToken") == 1
    assert "GetTokenPopup" not in client.asked
    assert client.next(pressed=True) == "token-asked"
    assert client.next() == "token-asked"
    assert client.asked.count("GetTokenPopup") == 1  # the library keeps it, in memory


def test_a_press_asks_silently_first(client):
    client.play([NAA], accountType="office365", naa="token-naa", popup="token-asked")
    assert client.next(pressed=True) == "token-naa"
    assert "GetTokenPopup" not in client.asked


@pytest.mark.parametrize("status", ["NO_NETWORK", "TRANSIENT_ERROR", "PERSISTENT_ERROR", "DISABLED", "unheard of"])
def test_other_failures_ask_nothing(client, status):
    client.play([NAA], accountType="office365", naa=status, popup="token-asked")
    assert client.next(pressed=True) is None
    assert "GetTokenPopup" not in client.asked


def test_who_closes_the_question_is_not_asked_again_at_once(client):
    client.play([NAA], accountType="office365")
    assert client.next(pressed=True) is None
    assert client.next(pressed=True) is None
    assert client.asked.count("GetTokenPopup") == 1


@pytest.mark.parametrize("play", TOKENS)
def test_nothing_is_kept_and_nothing_is_told(client, play):
    kind = {"exchange": EXCHANGE, "sso": SSO, "naa": NAA}[play]
    client.play([kind], **{play: "token-canary"})
    assert client.next() == "token-canary"
    client.play([kind], popup="token-canary")
    client.next(pressed=True)
    kept = client.page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])"
    )
    assert "canary" not in kept
    assert "canary" not in client.lines
    assert "secret" not in client.lines


# --- the session that begins with them ------------------------------------------------------------------------------

PREPARED = {"tok": "TOK:-A#", "expires": "2099-01-01T00:00:00Z"}
KIM = {"name": "Kim Lee", "email": "kim@example.com"}
SERVER = (HERE / "sessions.js").read_text(encoding="utf-8")


def answer(bearer: str, **more: Any) -> dict[str, Any]:
    usual = {"expires_in": 600, "user": None, "personal": False, "renewable": False, "placeholder": None}
    return usual | {"bearer": bearer, "personal_refusal": ""} | more


class Visit:
    """A client, and a server with canned answers."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def play(self, answers: dict[str, Any], **played: Any) -> None:
        self.client.play(**played)
        self.client.page.evaluate(SERVER, f"{STATIC}/addin")
        self.answer(**answers)

    def answer(self, **answers: Any) -> None:
        self.client.page.evaluate(
            "given => void Object.assign(answers, given)", {k.replace("_", "-"): v for k, v in answers.items()}
        )

    def do(self, script: str) -> Any:
        return self.client.page.evaluate(f"outcome(Promise.resolve().then(() => session.{script}))")

    @property
    def posted(self) -> list[str]:
        return self.client.page.evaluate("posted")


@pytest.fixture
def visit(client: Client) -> Visit:
    return Visit(client)


def test_a_token_begins_a_session(visit):
    first = answer("b1", personal_refusal="Not in the directory.", placeholder=PREPARED)
    visit.play({"token_exchange": first, "b1": {"list": 1}}, **TOKENS)
    assert [visit.do("isActive()"), visit.do("personal()"), visit.do("placeholder()")] == [False, False, None]
    assert visit.do("enterSilently()") is True
    assert visit.do("user()") is None
    assert visit.do("personal()") is False
    assert visit.do("refusal()") == "Not in the directory."
    assert visit.do("placeholder()") == PREPARED
    assert visit.do("get('/list')") == {"list": 1}
    assert visit.posted == ["/session token-exchange", "/list  b1"]


@pytest.mark.parametrize("refusal", [400, 413, 500])  # 500: the administrator set this kind up wrongly
def test_a_refused_token_makes_room_for_the_next_kind(visit, refusal):
    visit.play({"token_sso": refusal, "token_naa": answer("b1", user=KIM, personal=True)}, **TOKENS)
    assert visit.do("enterSilently()") is True
    assert visit.posted == ["/session token-exchange", "/session token-sso", "/session token-naa"]
    assert (visit.do("user()"), visit.do("personal()"), visit.do("refusal()")) == (KIM, True, "")
    visit.do("enterSilently()")
    assert visit.posted[3:] == ["/session token-naa"]


def test_when_no_kind_is_accepted_the_dialog_is_left(visit):
    visit.play({}, **TOKENS)
    assert visit.do("enterSilently({ pressed: true })") is False
    assert visit.do("isActive()") is False
    assert visit.do("get('/list')") == "signed out"
    assert len(visit.posted) == 3


@pytest.mark.parametrize("status", [0, 403, 429, 503])
def test_a_server_that_is_away_is_told_from_a_refusal(visit, status):
    visit.play({"token_exchange": status}, **TOKENS)
    assert visit.do("enterSilently()") == [status, 7 if status else 0, {"tok": "fresh"} if status == 503 else None]
    visit.answer(token_exchange=answer("b1"))
    assert visit.do("enterSilently()") is True  # the kind was not given up


def test_two_who_ask_at_once_get_one_attempt(visit):
    visit.play({"token_exchange": answer("b1")}, **TOKENS)
    assert visit.do("enterSilently() && Promise.all([session.enterSilently(), session.enterSilently()])") == [
        True,
        True,
    ]
    assert visit.posted == ["/session token-exchange"]


def test_a_press_may_ask_and_a_start_may_not(visit):
    visit.play({"token_asked": answer("b1", user=KIM)}, kinds=[NAA], accountType="office365", popup="token-asked")
    assert visit.do("enterSilently()") is False
    assert "GetTokenPopup" not in visit.client.asked
    assert visit.do("enterSilently({ pressed: true })") is True
    assert visit.posted == ["/session token-asked"]


def test_an_ended_bearer_is_replaced_by_a_token(visit):
    visit.play({"token_exchange": answer("b1")}, **TOKENS)
    visit.do("enterSilently()")
    visit.answer(token_exchange=answer("b2"), b2={"list": 2})
    assert visit.do("get('/list')") == {"list": 2}
    assert visit.posted[1:] == ["/list  b1", "/session token-exchange", "/list  b2"]
    visit.answer(token_exchange=401, b2=401)
    assert visit.do("get('/list')") == "signed out"
    assert visit.do("isActive()") is False


def test_a_session_of_a_dialog_is_renewed_and_not_replaced(visit):
    dialog = answer("d1", user=KIM, personal=True, renewable=True)
    visit.play({"renew": dialog | {"bearer": "d2"}, "d2": {"list": 2}}, kinds=[SSO], sso="token-sso")
    visit.client.page.evaluate("given => session.accept(given)", dialog)
    assert visit.do("get('/list')") == {"list": 2}
    assert visit.posted == ["/list  d1", "/session renew d1", "/list  d2"]
    visit.answer(renew=401, d2=401)
    assert visit.do("get('/list')") == "signed out"


def until(client: Client, condition: str) -> None:
    for _ in range(200):
        if client.page.evaluate(condition):
            return
        client.page.clock.run_for(5)
    raise AssertionError(condition)


def test_a_dialog_links_the_exchange_subject_in_the_background(visit):
    dialog = answer("d1", user=KIM, personal=True, renewable=True)
    visit.play({"token_exchange": dialog | {"bearer": "d2", "placeholder": PREPARED}}, **TOKENS)
    visit.client.page.evaluate("given => session.accept(given)", dialog)
    assert visit.do("isActive()") is True
    until(visit.client, "posted.length > 0 && session.placeholder() !== null")
    assert visit.posted == ["/session token-exchange d1"]
    assert visit.client.asked == ["exchange"]  # no other kind


@pytest.mark.parametrize("status", [0, 401, 403, 409, 503])
def test_a_link_that_fails_costs_nothing(visit, status):
    visit.play({"token_exchange": status, "d1": {"list": 1}}, **TOKENS)
    visit.client.page.evaluate("given => session.accept(given)", answer("d1", user=KIM, personal=True, renewable=True))
    until(visit.client, "posted.length > 0")
    assert visit.do("get('/list')") == {"list": 1}
    assert visit.do("user()") == KIM


def test_a_person_whom_the_token_named_is_not_linked_again(visit):
    visit.play({"token_exchange": answer("b1", user=KIM, personal=True)}, **TOKENS)
    visit.do("enterSilently()")
    visit.client.page.evaluate("given => session.accept(given)", answer("d1", user=KIM, renewable=True))
    visit.client.page.clock.run_for(1_000)
    assert visit.posted == ["/session token-exchange"]


@pytest.mark.parametrize("renewable", [True, False])
def test_an_open_pane_keeps_its_session_up(visit, renewable):
    visit.play({"token_exchange": answer("b1", renewable=renewable)}, **TOKENS)
    visit.do("enterSilently()")
    visit.answer(token_exchange=answer("b2"), renew=answer("b2"))
    visit.client.page.clock.run_for(539_000)
    assert len(visit.posted) == 1
    visit.client.page.clock.run_for(2_000)
    until(visit.client, "posted.length > 1")
    assert visit.posted[1:] == ["/session renew b1" if renewable else "/session token-exchange"]


def test_a_placeholder_whose_time_is_over_is_not_used(visit):
    visit.play({"token_exchange": answer("b1", placeholder=PREPARED | {"expires": "2020-01-01T00:00:00Z"})}, **TOKENS)
    visit.do("enterSilently()")
    assert visit.do("placeholder()") is None


def test_what_nobody_waits_for_needs_a_session(visit):
    visit.play({"token_exchange": answer("b1")}, **TOKENS)
    visit.do("tell('/insertions', { kind: 'single-use' })")
    visit.do("enterSilently()")
    visit.do("tell('/insertions', { kind: 'single-use' })")
    assert visit.client.page.evaluate("told") == [["/insertions", {"body": {"kind": "single-use"}, "bearer": "b1"}]]
