"""MX602: credentials for any origin."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Related, Severity
from mixvllm.rules.base import Facts, Rule


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Any web page that a user visits could then speak to the API with the user's credentials."""
    credentials, origins = facts.setting("allow-credentials"), facts.setting("allowed-origins")
    if credentials is None or credentials.value is not True or origins is None:
        return
    if isinstance(origins.value, list) and "*" in origins.value:
        yield RULE.finding(
            "any origin may use the API with the credentials of its visitor",
            origins.place.value,
            key=origins.key,
            label="name the origins",
            related=(Related(credentials.place.key, "set here"),),
        )


RULE = Rule("MX602", "cors-credentials", Severity.ERROR, check)
