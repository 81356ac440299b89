"""What `mixvllm explain` does, once its words are read."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mixvllm.cli.plain import PlainWords
from mixvllm.cli.progress import Progress
from mixvllm.cli.streams import visible
from mixvllm.cli.text.findings import count_in_words, show_findings
from mixvllm.cli.text.page import page_lines
from mixvllm.cli.text.style import Paint, wants_color
from mixvllm.core.diagnostic import Severity
from mixvllm.core.errors import ProfileFault, UsageFault
from mixvllm.core.origin import CliFlag, EnvVar
from mixvllm.services.page import RulePage, find_page, is_code, nearest_pages, rule_pages
from mixvllm.settings.sources import Override

if TYPE_CHECKING:  # imported for a key; a page needs neither
    from mixvllm.services.check import Checked
    from mixvllm.services.explain.explainer import Answer

_NO_PROFILE: Final = Path("no profile")


@dataclass(frozen=True, slots=True)
class Arguments:
    """What was asked for."""

    word: str
    profile: Path | None = None
    vllm: str | None = None
    as_json: bool = False
    overrides: Sequence[Override] = ()


def run_plainly(words: PlainWords) -> int | None:
    """The same for plain words; None when they are not what the command takes."""
    if len(words.operands) != 1:
        return None
    profile = words.options.get("--profile")
    return run(
        Arguments(
            words.operands[0],
            None if profile is None else Path(profile),
            words.options.get("--vllm"),
            as_json=words.options.get("--format") == "json",
        )
    )


def run(arguments: Arguments) -> int:
    """Print what there is to say; the exit code.

    Raises:
        UsageFault: the word means nothing.
        ProfileFault: the text of the profile cannot be understood.
    """
    page = find_page(arguments.word)
    if is_code(arguments.word):
        if page is None:
            meant = ", ".join(f"`mixvllm explain {name}`" for name in nearest_pages(arguments.word))
            raise UsageFault(
                f"there is no finding {arguments.word!a}", hint=f"did you mean {meant}?"
            )
        _show_page(page, arguments)
        return 0
    try:
        _explain_key(arguments)
    except UsageFault:  # then it may be a rule's name
        page = page or _page_of_rule(arguments.word)
        if page is None:
            raise
        _show_page(page, arguments)
    else:
        if page is not None and not arguments.as_json:
            print(f"\n{page.rule} is a rule, too: `mixvllm explain {page.code}/{page.rule}`")
    return 0


def _page_of_rule(name: str) -> RulePage | None:
    """The page that tells of a rule which has none of its own."""
    from mixvllm.rules.names import code_named

    code = code_named(name)
    return None if code is None else find_page(code)


def _show_page(page: RulePage, arguments: Arguments) -> None:
    rules = [rule for rule in rule_pages() if rule.code == page.code and page.rule is None]
    if arguments.as_json:
        from mixvllm.services.explain.document import page_json

        print(json.dumps(page_json(page, rules), indent=2))
    else:
        for line in page_lines(page, rules, Paint(on=wants_color(sys.stdout))):
            print(line)


def _explain_key(arguments: Arguments) -> None:
    """Tell of a key, or of a section's keys."""
    from mixvllm.cli.text.key import key_lines, section_lines
    from mixvllm.services.explain.explainer import Explainer

    checked = _checked(arguments)
    found = Explainer(checked).explain(arguments.word)
    _show_other_errors(checked, found, arguments.profile)
    resolved = checked.resolved
    if arguments.as_json:
        from mixvllm.services.explain.document import key_json, section_json

        document = key_json(found.keys[0]) if found.section is None else section_json(found)
        print(json.dumps(document, indent=2))
        return
    paint = Paint(on=wants_color(sys.stdout))
    lines = (
        key_lines(found.keys[0], resolved.texts_shown, paint)
        if found.section is None
        else section_lines(found, paint)
    )
    for line in lines:
        print(line)


def _checked(arguments: Arguments) -> "Checked":
    """The profile with what is found in it. Without one, what is found of defaults, and of the
    model that is missing, is noise; not what was typed.
    """
    from mixvllm.services.check import Request, check

    profile = arguments.profile
    checked = check(
        Request(
            path=profile or _NO_PROFILE,
            environ=os.environ,
            overrides=arguments.overrides,
            release=arguments.vllm,
            progress=Progress(),
            text=b"{}" if profile is None else None,
        )
    )
    if profile is not None:
        return checked
    typed = (d for d in checked.diagnostics if isinstance(d.origin, EnvVar | CliFlag))
    return replace(checked, diagnostics=tuple(typed))


def _show_other_errors(checked: "Checked", found: "Answer", profile: Path | None) -> None:
    """What keeps the profile from being read, in full; errors of other keys as a number.

    Raises:
        ProfileFault: there is no profile in the text.
    """
    errors = [d for d in checked.diagnostics if d.severity is Severity.ERROR]
    grave = [d for d in errors if d.code[:3] in ("MX0", "MX5") or not d.key]
    show_findings(grave, checked.resolved.texts_shown, stream=sys.stderr)
    if not checked.resolved.readable:
        raise ProfileFault(f"{profile} cannot be read as a profile", checked.diagnostics)
    others = len(errors) - len(grave) - sum(d in errors for e in found.keys for d in e.findings)
    if others > 0:
        name = visible(str(profile)) if profile is not None else "the settings"
        hint = f": `mixvllm validate {name}` shows them" if profile is not None else ""
        print(f"{name} has {count_in_words(others, 0)} elsewhere{hint}", file=sys.stderr)
