"""Use case: the exact command that `serve` would run."""

from mixvllm.core.errors import ProfileFault
from mixvllm.render.command import VllmCommand, build
from mixvllm.services.check import Checked
from mixvllm.vllm.installation import Installation


def command_of(checked: Checked) -> VllmCommand:
    """The command of a checked profile. vLLM need not be installed: then it is started by the
    words of ``vllm.command``, or is just ``vllm``.

    Raises:
        ProfileFault: the profile has findings of severity error.
    """
    if checked.errors or not checked.resolved.sound:
        raise ProfileFault(f"{checked.resolved.path} has errors", checked.diagnostics)
    installation = checked.installation or Installation(
        command=checked.command or ("vllm",),
        release=None,
        distribution=None,
        source="vllm.command" if checked.command else "no vLLM found here",
    )
    facts = checked.facts
    return build(facts.resolved, facts.settings, facts.options, installation)
