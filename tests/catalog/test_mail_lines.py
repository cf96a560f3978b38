"""Plain text in short lines: no word is lost, no address is cut, a phone joins them again."""

from hypothesis import example, given
from hypothesis import strategies as st

from catalog import mail_lines

LONG = "https://reelyard.example/letters/unsubscribe/" + "0123456789abcdef" * 6
WORDS = st.sampled_from(["a", "clip", ">", ">>", "From", "--", "- goal", LONG, "é", "ends."])
LINES = st.lists(WORDS, max_size=40).map(" ".join)


@given(st.lists(LINES | st.just("-- "), min_size=1).map(lambda lines: "\n".join(lines) + "\n"))
@example(f"Stop these letters: {LONG}\n")
@example("> " + "word " * 40 + f"> {LONG}\n> and this\n")
@example("word " * 15 + "From here on\n")
@example("Hello,\n\nthe text.\n\n-- \nThe footer\n")
def test_what_was_written_comes_out_again_whole(text: str) -> None:
    told = mail_lines.flowed(text)
    assert all(
        len(line) < 78 or line.strip().removeprefix("-- ").removeprefix("> ") == LONG
        for line in told.splitlines()
    )
    lines = [line if line == "-- " else line.rstrip(" ") for line in text.splitlines()]
    assert mail_lines.whole(told) == "".join(f"{one}\n" for one in lines)


def test_the_mark_above_the_footer_stays_a_line() -> None:
    told = mail_lines.flowed("word " * 30 + "\n\n-- \nYou get this because you asked.\n")
    assert told.splitlines()[-3:] == ["", "-- ", "You get this because you asked."]
