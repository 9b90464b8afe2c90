"""The caption grammar says only what is there."""

import numpy as np
import pytest

from semlens_widgets.demo.captions import ABSENT, ADJECTIVES, caption, vocabulary
from semlens_widgets.demo.factors import FACTORS, NAMES
from semlens_widgets.demo.world import PATCH_COLOURS, render


def words_of(text: str) -> set[str]:
    return set(text.replace(",", " ").replace(":", " ").replace("-", " ").split())


def test_captions_use_known_words_only():
    known = set(vocabulary())
    for text in render(397, seed=9).captions():
        assert words_of(text) <= known, text


def test_every_query_and_synonym_is_in_the_vocabulary():
    known = set(vocabulary())
    assert all(words_of(phrase) <= known for factor in FACTORS for phrase in factor.phrases)


@pytest.mark.parametrize("name", NAMES)
def test_an_absent_factor_is_never_claimed(name):
    rng = np.random.default_rng(0)
    factor = FACTORS[NAMES.index(name)]
    for _ in range(151):
        present = {other: bool(rng.random() < 0.5) for other in NAMES} | {name: False}
        said = f" {caption(rng, present, words=('fair', 'brown', 'blue'))} ".replace(",", " ")
        claims = {phrase for phrase in factor.phrases if f" {phrase} " in said}
        claims |= {word for word in ADJECTIVES.get(name, ((),))[0] if f" {word} " in said}
        assert not claims, said


@pytest.mark.parametrize("name", NAMES)
def test_a_present_factor_is_often_named_and_never_denied(name):
    rng = np.random.default_rng(1)
    alone = {other: other == name for other in NAMES}
    said = [f" {caption(rng, alone)} " for _ in range(101)]
    denials = ABSENT.get(name, ()) + (ADJECTIVES[name][1] if name in ADJECTIVES else ())
    assert not any(f" {denial}" in text for denial in denials for text in said)
    phrases = FACTORS[NAMES.index(name)].phrases + (ADJECTIVES[name][0] if name in ADJECTIVES else ())
    assert np.mean([any(phrase in text for phrase in phrases) for text in said]) > 0.5


def test_a_crop_without_a_lesion_speaks_of_skin_and_artefacts():
    rng = np.random.default_rng(2)
    everything = dict.fromkeys(NAMES, True)
    outline = {"asymmetric", "lopsided", "border", "large", "diameter", "small", "round", "mole", "spot"}
    for _ in range(101):
        text = caption(rng, everything, words=("tan", "brown", "pink"), whole=False, lesion=False)
        assert not words_of(text) & outline, text


def test_patch_colours_are_those_of_the_picture():
    pictures = render(199, seed=4)
    for text, (_, _, colour) in zip(pictures.captions(), pictures.words, strict=True):
        for other in set(PATCH_COLOURS) - {colour}:
            assert f"{other} patch" not in text
            assert f"{other} sticker" not in text
