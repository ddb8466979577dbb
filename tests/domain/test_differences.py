"""What changed, shown value by value and line by line."""

from hypothesis import given
from hypothesis import strategies as st

from addin_host.domain.differences import Difference, Line, differences

texts = st.lists(st.sampled_from("abc"), max_size=40)


def test_short_values_stand_side_by_side():
    found = differences({"a": 1, "b": "x", "gone": True}, {"a": 2, "b": "y", "new": ["p"]})
    assert found == (
        Difference("a", "1", "2"),
        Difference("b", "x", "y"),
        Difference("gone", "true", None),
        Difference("new", None, '["p"]'),
    )


def test_long_texts_are_shown_by_line():
    old = "\n".join(f"line {number}" for number in range(20))
    (found,) = differences({"t": old}, {"t": old.replace("line 10", "line ten")})
    marks = [(line.mark, line.text) for line in found.lines]
    assert ("-", "line 10") in marks
    assert ("+", "line ten") in marks
    assert marks[0] == ("…", "8 lines unchanged")
    assert [mark for mark, _text in marks].count(" ") == 6


@given(texts, texts)
def test_the_lines_tell_the_whole_change(old, new):
    before, after = ["first " * 30, *old], ["other " * 30, *new]
    (found,) = differences({"t": "\n".join(before)}, {"t": "\n".join(after)})
    taken = [line.text for line in found.lines if line.mark == "-"]
    added = [line.text for line in found.lines if line.mark == "+"]
    kept = sum(int(line.text.split()[0]) if line.mark == "…" else line.mark == " " for line in found.lines)
    assert len(taken) + kept == len(before)
    assert len(added) + kept == len(after)
    assert Line("-", before[0]) in found.lines
