"""Answers kept in front of Flask are the answers that Flask gave, and only as long as they are true."""

import pytest

from addin_host.domain.access import BY_ITSELF
from addin_host.flows import integrations
from addin_host.web import kept
from tests.web.conftest import HOST, save

PATHS = ["pane", "commands", "manifest.xml", "icon/32.png"]


def ask(world, path, **options):
    return world.client().get(world.url(path), **options)


def in_front(world):
    found = world.app.wsgi_app
    assert isinstance(found, kept.KeptAnswers)
    return found


@pytest.mark.parametrize("path", PATHS)
def test_the_second_answer_is_the_first_one(world, path):
    first = ask(world, path)
    assert len(in_front(world)._kept) == 1
    in_front(world)._behind = None  # nobody is asked any more
    second = ask(world, path)
    assert (second.status_code, second.data) == (200, first.data)
    numbers = {answer.headers["X-Correlation-ID"] for answer in (first, second)}
    assert len(numbers) == 2
    plain = [sorted(item for item in one.headers.items() if item[0] != "X-Correlation-ID") for one in (first, second)]
    assert plain[0] == plain[1]
    unchanged = ask(world, path, headers={"If-None-Match": first.headers["ETag"]})
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    assert unchanged.headers["Content-Security-Policy"] == first.headers["Content-Security-Policy"]


def test_a_deleted_integration_is_gone_at_once(world):
    ask(world, "pane")
    with world.database.write() as session:
        integrations.delete(session, "1", caller=BY_ITSELF, now=world.clock())
    assert ask(world, "pane").status_code == 404


def test_another_host_gets_no_answer_that_was_made_for_ours(world):
    ask(world, "pane")
    assert ask(world, "pane", environ_overrides={"HTTP_HOST": "evil.example"}).status_code == 400
    uuid = world.services.catalogue.get("1").uuid
    save(world, uuid=uuid, addin_server_domain="moved.example.com")
    assert ask(world, "pane", environ_overrides={"HTTP_HOST": "moved.example.com"}).status_code == 200


def test_what_outlook_adds_to_the_address_makes_no_second_answer(world):
    for number in range(5):
        ask(world, f"pane?_host_Info=Outlook${number}")
    assert len(in_front(world)._kept) == 1
    for version in ("a", "b"):
        ask(world, f"icon/32.png?v={version}")
    assert len(in_front(world)._kept) == 3


def test_only_good_answers_are_kept(world):
    ask(world, "icon/33.png")
    ask(world, "pane", headers={"If-None-Match": "*"})
    world.client().head(world.url("pane"))
    world.client().post(world.url("pane"))
    ask(world, "signin")
    world.client().get(f"https://{HOST}/api/client/v2/msexchange_schedulers/999/pane")
    assert [key[1].rsplit("/", 1)[-1] for key in in_front(world)._kept] == ["pane"]


def test_memory_is_bounded(world, monkeypatch):
    monkeypatch.setattr(kept, "_MAX_ANSWERS", 3)
    for version in range(10):
        ask(world, f"icon/32.png?v={version}")
    assert len(in_front(world)._kept) <= 3


def test_an_answer_made_during_a_save_is_not_kept_for_the_newer_version(world):
    """The version is read before the answer is made; what was saved meanwhile is asked for again."""
    uuid = world.services.catalogue.get("1").uuid
    behind = in_front(world)._behind

    def slow(environ, start_response):
        answer = behind(environ, start_response)
        save(world, uuid=uuid, addin_pane_title="Saved meanwhile")
        return answer

    in_front(world)._behind = slow
    ask(world, "pane")
    in_front(world)._behind = behind
    assert "Saved meanwhile" in ask(world, "pane").text
