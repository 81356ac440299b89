"""Did you mean: which option somebody meant, from how they spelled it.

People miss in two ways. Slips of the keys leave the spelling nearly intact, and edit distance finds
it. Slips of the mind leave the meaning intact: another engine's word, an abbreviation, the words in
another order; those are found word by word, where a rare word counts for more than a common one.
The better of the two scores wins; what `mixvllm.vllm.synonyms` knows as a whole comes first.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from difflib import SequenceMatcher
from math import log

from mixvllm.vllm.synonyms import PHRASES, WORDS

_MOST = 3
_NEAR_LETTERS = 0.78  # share of letters in common, below which a spelling is no typing error;
_ROOMY = 7  # but one slip is always allowed, and two in as many letters as this
_NEAR_WORDS = 0.5  # share of words in common, weighted
_WITHIN = 0.75  # a suggestion must come this near to the best one
_SURE = 0.9  # after an answer known by hand, only what scores this is worth adding
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_FILLERS = {"vllm", "the", "of", "for", "use", "set", "default"}
_MODES = {"enable", "disable", "no"}  # what a switch begins with says little about which it is


def nearest_options(spelling: str, by_flag: Mapping[str, str]) -> tuple[str, ...]:
    """The canonical names that may have been meant, best first, at most three.

    Args:
        spelling: what was written, in any case, with any separators.
        by_flag: every flag of the release, with its canonical name.
    """
    kebab = _kebab(spelling)
    long = {flag.removeprefix("--"): name for flag, name in by_flag.items() if flag[:2] == "--"}
    scores: dict[str, float] = {}
    for flag, score in _scores(kebab, long).items():
        scores[long[flag]] = max(score, scores.get(long[flag], 0.0))
    best = _best(scores)
    phrase = _phrase(kebab, better_than=scores[best[0]] if best else 0.0)
    known = [name for name in phrase if name in scores]
    if known:
        best = tuple(name for name in best if scores[name] >= _SURE)
    return tuple(dict.fromkeys((*known, *best)))[:_MOST]


def nearest_names(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """The variables or keys that may have been meant, best first, at most three."""
    kebabs = {_kebab(word): word for word in known}
    scores = _scores(_kebab(name), kebabs)
    return tuple(kebabs[kebab] for kebab in _best(scores))


def _kebab(spelling: str) -> str:
    """``--maxModelLen``, ``MAX_MODEL_LEN`` and ``max model len`` are all max-model-len."""
    text = spelling if spelling.isupper() else _HUMP.sub("-", spelling)
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _phrase(kebab: str, *, better_than: float) -> tuple[str, ...]:
    """What is known by hand of a whole spelling, or of one that a slip turned into this."""
    if kebab in PHRASES:
        return PHRASES[kebab]
    alike = {phrase: _letters(kebab, phrase) for phrase in PHRASES if len(phrase) > 4}
    best = max(alike, key=lambda phrase: alike[phrase])
    return PHRASES[best] if alike[best] > better_than else ()


def _scores(kebab: str, candidates: Collection[str]) -> dict[str, float]:
    weights = _weights(candidates)
    meaning = _meaning(kebab, weights)
    return {
        candidate: _either(_letters(kebab, candidate), _words(meaning, candidate, weights))
        for candidate in candidates
    }


def _either(letters: float, words: float) -> float:
    """The better of two scores; of two equally good ones, that with the better second."""
    return max(letters, words) + min(letters, words) / 20


def _best(scores: Mapping[str, float]) -> tuple[str, ...]:
    ranked = sorted(scores, key=lambda name: (-scores[name], len(name), name))[:_MOST]
    return tuple(n for n in ranked if scores[n] and scores[n] >= scores[ranked[0]] * _WITHIN)


def _letters(written: str, name: str) -> float:
    """How alike two spellings are: 1 for the same letters, 0 for no mere typing error."""
    one, other = written.replace("-", ""), name.replace("-", "")
    if one == other:
        return 1.0
    shorter, longer = sorted((len(one), len(other)))
    slips = longer * (1 - _NEAR_LETTERS)
    slips = max(slips, 1, 2 if longer >= _ROOMY else 0)
    if shorter < 3 or longer - shorter > slips:
        return 0.0
    common = SequenceMatcher(None, one, other, autojunk=False).quick_ratio() / 2
    if longer - common * (shorter + longer) > slips:
        return 0.0  # too few letters in common, in whatever order
    slipped = edits(one, other)
    return 1 - slipped / longer if slipped <= slips else 0.0


def _words(meaning: frozenset[str], name: str, weights: Mapping[str, float]) -> float:
    """How alike two meanings are: the weight of the shared words over that of all of them."""
    theirs = frozenset(name.split("-"))
    shared = sum(weights[word] for word in meaning & theirs)
    total = sum(weights.get(word, weights[""]) for word in (*meaning, *theirs))
    score = 2 * shared / total if total else 0.0
    return score if score >= _NEAR_WORDS else 0.0


def _meaning(written: str, weights: Mapping[str, float]) -> frozenset[str]:
    """The words, each replaced by those of vLLM it stands for, mistyped ones mended."""
    words: list[str] = []
    for word in written.split("-"):
        if word in WORDS:
            words += WORDS[word].split()
        elif word in weights or len(word) < 4:
            words.append(word)
        else:
            near = (known for known in weights if abs(len(known) - len(word)) < 2)
            words.append(next((known for known in near if edits(word, known) == 1), word))
    return frozenset(words) - _FILLERS


def _weights(names: Collection[str]) -> dict[str, float]:
    """How telling each word is: the rarer, the more. The empty word stands for unknown ones."""
    counts = Counter(word for name in names for word in set(name.split("-")))
    weights = {word: 1 + log(len(names) / count) for word, count in counts.items()}
    return weights | dict.fromkeys(_MODES, 0.3) | {"": 1 + log(len(names) or 1) / 2}


def edits(one: str, other: str) -> int:
    """Insertions, deletions, replacements and swaps of neighbours from one text to another."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        current = [row]
        for column, known in enumerate(other, start=1):
            cost = min(last[column] + 1, current[-1] + 1, last[column - 1] + (letter != known))
            if row > 1 and column > 1 and letter == other[column - 2] and known == one[row - 2]:
                cost = min(cost, before[column - 2] + 1)
            current.append(cost)
        before, last = last, current
    return last[-1]
