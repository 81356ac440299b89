"""The part of SARIF 2.1.0 that `validate --format sarif` uses, as a JSON Schema.

Written from the standard (OASIS, SARIF 2.1.0 with errata 01; the section is beside each object).
Every object is closed, so that a property which SARIF does not have is refused. TEST_SARIF_SCHEMA
may name the standard's own schema file: then that is asked, too.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

Schema: TypeAlias = dict[str, object]

TEXT: Final[Schema] = {"type": "string"}
POSITIVE: Final[Schema] = {"type": "integer", "minimum": 1}
NATURAL: Final[Schema] = {"type": "integer", "minimum": 0}
LEVEL: Final[Schema] = {"enum": ["none", "note", "warning", "error"]}


def closed(properties: Mapping[str, Schema], *required: str) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def several(item: Schema, *, at_least: int = 0) -> Schema:
    return {"type": "array", "items": item, "minItems": at_least}


BAG: Final[Schema] = {"type": "object", "additionalProperties": TEXT}  # 3.8
MESSAGE: Final = closed({"text": TEXT}, "text")  # 3.11
DESCRIBED: Final = closed({"text": TEXT, "markdown": TEXT}, "text")  # 3.12
FILE: Final = closed(  # 3.4: a URI reference, in ASCII
    {
        "uri": {"type": "string", "pattern": "^[A-Za-z0-9._~/%!$&'()*+,;=@:-]+$"},
        "uriBaseId": TEXT,
        "description": MESSAGE,
    }
)
REGION: Final = closed(  # 3.30
    {"startLine": POSITIVE, "startColumn": POSITIVE, "endLine": POSITIVE, "endColumn": POSITIVE},
    "startLine",
)
PLACE: Final = closed(  # 3.28
    {
        "id": NATURAL,
        "message": MESSAGE,
        "physicalLocation": closed(  # 3.29
            {"artifactLocation": FILE, "region": REGION}, "artifactLocation"
        ),
        "logicalLocations": several(closed({"name": TEXT, "kind": TEXT})),  # 3.33
    }
)
REPLACEMENT: Final = closed(  # 3.57
    {"deletedRegion": REGION, "insertedContent": MESSAGE}, "deletedRegion"
)
CHANGE: Final = closed(  # 3.56
    {"artifactLocation": FILE, "replacements": several(REPLACEMENT, at_least=1)},
    "artifactLocation", "replacements",
)  # fmt: skip
FIX: Final = closed(  # 3.55
    {
        "description": MESSAGE,
        "artifactChanges": several(CHANGE, at_least=1),
        "properties": BAG,
    },
    "artifactChanges",
)
RESULT: Final = closed(  # 3.27
    {
        "ruleId": TEXT,
        "ruleIndex": NATURAL,
        "level": LEVEL,
        "message": MESSAGE,
        "locations": several(PLACE, at_least=1),
        "relatedLocations": several(PLACE),
        "fixes": several(FIX, at_least=1),
        "properties": BAG,
    },
    "ruleId", "level", "message",
)  # fmt: skip
RULE: Final = closed(  # 3.49
    {
        "id": TEXT,
        "name": TEXT,
        "shortDescription": DESCRIBED,
        "fullDescription": DESCRIBED,
        "help": DESCRIBED,
    },
    "id", "shortDescription", "fullDescription", "help",
)  # fmt: skip
INVOCATION: Final = closed(  # 3.20
    {
        "executionSuccessful": {"type": "boolean"},
        "exitCode": {"type": "integer"},
        "toolExecutionNotifications": several(  # 3.58
            closed({"level": LEVEL, "message": MESSAGE, "locations": several(PLACE)}, "message")
        ),
    },
    "executionSuccessful",
)
RUN: Final = closed(  # 3.14
    {
        "tool": closed(  # 3.18, 3.19
            {
                "driver": closed(
                    {"name": TEXT, "version": TEXT, "rules": several(RULE)}, "name"
                )
            },
            "driver",
        ),
        "columnKind": {"enum": ["unicodeCodePoints"]},
        "originalUriBaseIds": {"type": "object", "additionalProperties": FILE},
        "invocations": several(INVOCATION, at_least=1),
        "results": several(RESULT),
    },
    "tool", "results",
)  # fmt: skip
SARIF: Final = closed(  # 3.13
    {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": several(RUN, at_least=1),
    },
    "version", "runs",
)  # fmt: skip
