"""The caption grammar of the demo world: what a picture shows, said in varying words. Synthetic pictures.

A caption names only what is visible. Half-truths are allowed (a caption need not name everything), untruths
are not. The grammar's words are all the words the demo's CLIP knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from semlens_widgets.demo.factors import ARTEFACTS, FACTORS, INDEX, VALID
from semlens_widgets.demo.scene import LESION_COLOURS, PATCH_COLOURS, SKIN_TONES

PREFIXES = (
    "a dermoscopic photo of", "a dermoscopy image of", "a photo of", "an image of", "a close-up of",
    "a picture of", "dermoscopy:", "",
)  # fmt: skip
LESIONS = ("lesion", "mole", "skin lesion", "spot")
ADJECTIVES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "large": (("large", "big"), ("small", "little", "tiny")),
    "asymmetry": (("asymmetric", "asymmetrical", "lopsided"), ("symmetric", "symmetrical", "round")),
}
"""Adjectives of a lesion: (with the factor, without it)."""
ABSENT: Mapping[str, tuple[str, ...]] = {
    "border": ("smooth border", "regular border", "even edges"),
    "variegation": ("single colour", "uniform colour", "homogeneous colour"),
}
"""How to say that a factor of the lesion is not there; nothing else is ever negated."""
STICKERS = ("patch", "sticker", "plaster")
CLEAN = ("on clean skin", "on clear skin", "without artefacts")
EXTRA_WORDS = ("the", "in", "no")
_HARD = {"asymmetry": 3.0, "border": 4.0, "variegation": 2.5, "large": 1.5, "ruler": 2.0, "ink": 1.5}
_WHOLE_LESION = ("asymmetry", "border", "large")  # not to be seen in a crop
_NO_ARTICLE = {"hair", "erythema", "red skin", "reddish skin", "inflamed skin", "purple ink", "surgical marker ink",
               "asymmetry", "large"}  # fmt: skip


def caption(
    rng: np.random.Generator,
    present: Mapping[str, bool],
    *,
    words: tuple[str, str, str] | None = None,
    whole: bool = True,
    lesion: bool = True,
) -> str:
    """One caption of a picture that shows the factors ``present``.

    ``words`` are its (skin tone, lesion colour, patch colour); ``whole`` is False for a crop, where size and
    outline cannot be judged; ``lesion`` is False for a crop without a lesion. Two captions in five name a
    single factor, the less obvious ones more often.
    """

    def one_of(options: Sequence[str]) -> str:
        return options[int(rng.integers(len(options)))]

    artefacts = [name for name in ARTEFACTS if present[name]]
    valid = [name for name in VALID if present[name] and lesion and (whole or name not in _WHOLE_LESION)]
    phrase = {name: _with_article(one_of(FACTORS[INDEX[name]].phrases)) for name in artefacts + valid}
    if "patch" in phrase and words and rng.random() < 0.4:
        phrase["patch"] = _with_article(f"{words[2]} {one_of(STICKERS)}")
    prefix = one_of(PREFIXES)
    if artefacts + valid and rng.random() < 0.4:
        weights = np.array([_HARD.get(name, 1.0) for name in artefacts + valid])
        name = (artefacts + valid)[rng.choice(len(weights), p=weights / weights.sum())]
        form = rng.integers(5)
        if form == 0:
            return phrase[name].removeprefix("a ").removeprefix("an ")
        if form == 1 or (not lesion and name == "redskin"):
            return f"{prefix} {phrase[name]}".strip()
        return f"{prefix} {'a ' + one_of(LESIONS) if lesion else 'skin'} with {phrase[name]}".strip()

    subject, details = "skin", [phrase[name] for name in artefacts if rng.random() < 0.75]
    if lesion:
        adjectives = []
        if whole:
            adjectives = [one_of(ADJECTIVES[name][not present[name]]) for name in ADJECTIVES if rng.random() < 0.6]
        if words and rng.random() < 0.4:
            adjectives.append(words[1])
        subject = _with_article(" ".join([*adjectives, one_of(LESIONS)]))
        if whole and rng.random() < 0.5:
            details.append(phrase.get("border") or _with_article(one_of(ABSENT["border"])))
        if present["variegation"] and rng.random() < 0.75:
            details.append(phrase["variegation"])
        elif not present["variegation"] and whole and rng.random() < 0.5:
            details.append(_with_article(one_of(ABSENT["variegation"])))
        if present["veil"] and rng.random() < 0.75:
            details.append(phrase["veil"])
    text = f"{prefix} {subject}"
    if details:
        text += " with " + _listed([details[i] for i in rng.permutation(len(details))], one_of((" and ", ", ")))
    if lesion and words and rng.random() < 0.25:
        text += f" on {words[0]} skin"
    elif not artefacts and rng.random() < 0.3:
        text += " " + one_of(CLEAN)
    return text.strip()


def vocabulary() -> list[str]:
    """Every word the grammar can say (hyphens and punctuation split), sorted."""
    phrases = [*PREFIXES, *LESIONS, *STICKERS, *CLEAN, *EXTRA_WORDS, "skin with and on a an", *SKIN_TONES,
               *LESION_COLOURS, *PATCH_COLOURS]  # fmt: skip
    for factor in FACTORS:
        phrases += factor.phrases
    for yes, no in ADJECTIVES.values():
        phrases += [*yes, *no]
    for negations in ABSENT.values():
        phrases += negations
    text = " ".join(phrases).replace("-", " ").replace(":", " ")
    return sorted(set(text.split()))


def _with_article(noun: str) -> str:
    """The noun with a or an, unless it is a plural or a mass noun."""
    if noun in _NO_ARTICLE or noun.endswith("s"):
        return noun
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _listed(parts: list[str], last: str) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + last + parts[-1]
