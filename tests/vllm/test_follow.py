"""vLLM's sources are followed without running them: what is certain, and what is not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mixvllm.vllm.follow.follower import Follower
from mixvllm.vllm.follow.values import RAISED, UNKNOWN, Card, Multiple, Symbol

Ask = Callable[..., object]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Puts a function's text into a made-up vLLM and asks what `f` answers on a card."""

    def answer(text: str, card: tuple[int, int] = (8, 0), **arguments: object) -> object:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        for name, source in {
            "platforms/__init__.py": "current_platform = object()\n",
            "platforms/cuda.py": "class CudaPlatformBase:\n"
            "    @classmethod\n    def supports_fp8(cls):\n"
            "        return cls.has_device_capability(89)\n",
            "asked.py": text,
        }.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(source)
        return Follower(folder, Card(*card)).ask("vllm.asked", "f", **arguments)

    return answer


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ("return x == 'fp8'", True),
        ("return x.startswith('nv') or x in ['fp8', 'auto']", True),
        ("return other or x == 'fp8'", True),
        ("return other and x == 'fp8'", UNKNOWN),
        ("return other and x == 'auto'", False),
        ("return not other", UNKNOWN),
        ("if other:\n        return 1\n    return 2", UNKNOWN),
        ("if other:\n        return 2\n    return 2", 2),
        ("if other:\n        y = 1\n    else:\n        y = 1\n    return y + 1", 2),
        ("if other:\n        return 'one reason'\n    return 'another'", "one reason"),
        ("raise ValueError", RAISED),
        ("if other:\n        raise ValueError\n    return 1", UNKNOWN),
        ("if x == 'fp8':\n        raise ValueError\n    return 1", RAISED),
        ("while other:\n        pass\n    return 1", UNKNOWN),
        ("y = [1, *([2] if x == 'fp8' else [])]\n    y.append(3)\n    return y", [1, 2, 3]),
        ("y = 0\n    for i in (1, 2):\n        if i == 2:\n            y = i\n    return y", 2),
        ("return all(n > 0 for n in [1, 2]) and any(n > 1 for n in (1, 2))", True),
        ("return {'fp8': 3}[x]", 3),
        ("return torch.half", Symbol("torch.float16")),
        ("return [MultipleOf(16)]", [Multiple(16)]),
        ("return f'{x} is no good'", "..."),
        ("return isinstance(x, str) and len(x) == 3", True),
        ("return g(x)", "FP8"),
        ("return missing(x)", UNKNOWN),
        ("try:\n        import absent\n        return True\n    except ImportError:\n"
         "        return False", UNKNOWN),
        ("return open('/etc/passwd').read()", UNKNOWN),
    ],
)  # fmt: skip
def test_what_a_function_answers(ask: Ask, body: str, answer: object) -> None:
    text = f"import torch\ndef g(y):\n    return y.upper()\ndef f(x, other):\n    {body}\n"
    assert ask(text, x="fp8") == answer


@pytest.mark.parametrize(
    ("test", "cards"),
    [
        ("current_platform.has_device_capability(89)", "8.9 9.0 10.3"),
        ("current_platform.supports_fp8()", "8.9 9.0 10.3"),
        ("current_platform.is_device_capability((9, 0))", "9.0"),
        ("current_platform.is_device_capability_family(100)", "10.3"),
        ("current_platform.get_device_capability() < DeviceCapability(8, 9)", "7.5"),
        ("current_platform.get_device_capability().major in [9, 10]", "9.0 10.3"),
        ("current_platform.get_device_capability().to_int() == 75", "7.5"),
        ("current_platform.is_rocm()", ""),
        ("current_platform.is_cuda()", "7.5 8.9 9.0 10.3"),
    ],
)
def test_the_card_is_known(ask: Ask, test: str, cards: str) -> None:
    text = f"from vllm.platforms import current_platform\ndef f():\n    return {test}\n"
    known = [(7, 5), (8, 9), (9, 0), (10, 3)]
    assert " ".join(f"{a}.{b}" for a, b in known if ask(text, (a, b)) is True) == cards


def test_a_class_inherits_and_asks_the_one_above_it(ask: Ask) -> None:
    text = (
        "class Base:\n    kinds: list = ['auto']\n"
        "    @classmethod\n    def takes(cls, kind):\n        return kind in cls.kinds\n"
        "class Backend(Base):\n    kinds = ['auto', 'fp8']\n"
        "    @classmethod\n    def takes(cls, kind):\n"
        "        return kind != 'auto' and super().takes(kind)\n"
        "def f(kind):\n    return [Base.takes(kind), Backend.takes(kind)]\n"
    )
    assert ask(text, kind="fp8") == [False, True]
    assert ask(text, kind="auto") == [True, False]
    assert ask(text, kind=UNKNOWN) == [UNKNOWN, UNKNOWN]


def test_a_base_class_that_is_not_vllms_may_answer_too(ask: Ask) -> None:
    text = "from other import Base\nclass B(Base):\n    pass\ndef f():\n    return B.takes\n"
    assert ask(text) is UNKNOWN


def test_a_function_that_calls_itself_for_ever_ends(ask: Ask) -> None:
    assert ask("def f(x):\n    return f(x)\n", x=1) is UNKNOWN
    many = "".join(f"    if other:\n        y{i} = 1\n" for i in range(40))
    assert ask(f"def f(other):\n{many}    return 1\n") is UNKNOWN
