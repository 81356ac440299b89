"""A captured terminal as a picture."""

from mixvllm.testing.screenshot import svg


def test_what_the_screen_shows_is_in_the_picture() -> None:
    drawn = svg("one\n\ntwo & three\n", "title")
    for text in ("one", "two&#160;&amp;&#160;three", "title"):
        assert f">{text}</text>" in drawn


def test_a_colour_runs_on_over_the_end_of_a_line_as_tmux_means_it() -> None:
    red = svg("\x1b[31mone\ntwo\x1b[0m", "t")
    plain = svg("\x1b[31mone\x1b[0m\ntwo", "t")
    assert red.count('-r1"') == 2
    assert plain.count('-r1"') == 1


def test_it_needs_no_font_of_somebody_else() -> None:
    drawn = svg("text", "t")
    assert "@font-face" not in drawn
    assert drawn.count("http") == drawn.count("http://www.w3.org/")
