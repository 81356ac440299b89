"""The finished picture: a renderable of exact size that asks nothing of Rich's layout."""

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.segment import Segment

from mixvllm.panes.line import Line
from mixvllm.panes.tones import STYLES


@dataclass(frozen=True, slots=True)
class Picture:
    """``height`` lines, each ``width`` cells wide."""

    lines: tuple[Line, ...]
    width: int

    @property
    def height(self) -> int:
        """Lines of the picture."""
        return len(self.lines)

    def plain(self) -> str:
        """The text alone, lines without their trailing blanks."""
        return "\n".join("".join(span.text for span in line).rstrip() for line in self.lines)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self.lines:
            for text, tone in line:
                yield Segment(text, STYLES[tone])
            yield Segment.line()

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(self.width, self.width)
