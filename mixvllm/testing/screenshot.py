"""What a terminal shows, as an SVG that asks nobody for a font.

``tmux capture-pane -e -p -t NAME | python -m mixvllm.testing.screenshot TITLE FILE.svg``
"""

import argparse
import io
import re
import sys
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

# Rich's own template, but with the reader's fonts: no address of a font to fetch.
_FORMAT: Final = """\
<svg class="{unique_id}" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 16px; font-family: system-ui, sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
_THEME: Final = TerminalTheme(
    (24, 26, 31),
    (214, 218, 226),
    [
        (24, 26, 31), (224, 92, 92), (126, 200, 124), (226, 183, 84),
        (98, 160, 234), (200, 140, 220), (92, 196, 200), (214, 218, 226),
    ],
    [
        (110, 116, 128), (240, 110, 110), (150, 220, 148), (240, 200, 110),
        (130, 184, 246), (218, 164, 236), (120, 214, 218), (255, 255, 255),
    ],
)  # fmt: skip


def svg(ansi: str, title: str) -> str:
    """A captured screen as a picture; as wide and as high as its text."""
    # In one piece: tmux sets a colour once, and lets it run on over the end of a line.
    lines = Text.from_ansi(ansi.rstrip("\n")).split("\n", allow_blank=True)
    console = Console(
        record=True,
        width=max(line.cell_len for line in lines),
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
    )
    for line in lines:
        console.print(line, no_wrap=True, crop=False, overflow="ignore")
    drawn = console.export_svg(title=title, theme=_THEME, code_format=_FORMAT, unique_id="screen")
    return re.sub(r"[ \t]+$", "", drawn, flags=re.MULTILINE)


def main() -> None:
    """Read the screen from standard input, write the file."""
    parser = argparse.ArgumentParser(prog="python -m mixvllm.testing.screenshot")
    parser.add_argument("title", help="of the window")
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    options.file.write_text(svg(sys.stdin.read(), options.title), encoding="utf-8")


if __name__ == "__main__":
    main()
