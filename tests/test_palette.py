"""One table of colours: readable in every theme, told apart by colour-blind eyes, interpolated straight."""

from itertools import combinations

import numpy as np
import pytest

from semlens_widgets import palette

THEMES = [palette.theme(name) for name in ("light", "dark", "print")]
every_theme = pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)


@every_theme
def test_all_text_reaches_the_contrast_of_readable_text(theme):
    grounds = (theme.bg, theme.bg_sunk, theme.bg_hover)
    pairs = [(ink, ground) for ink in (theme.ink, theme.ink_2) for ground in grounds]
    pairs += [(colour, g) for colour in (theme.supports, theme.against, *theme.cat) for g in grounds[:2]]
    for verdict in palette.VERDICTS:
        pairs += [(theme.verdict(verdict), g) for g in (*grounds[:2], getattr(theme, f"{verdict}_soft"))]
        pairs.append((theme.ink, getattr(theme, f"{verdict}_soft")))
    pairs += [(theme.accent_ink, g) for g in (theme.bg, theme.accent_soft)]
    pairs += [(theme.on_accent, theme.accent), (theme.ink, theme.accent_soft)]
    low = {pair: palette.contrast(*pair) for pair in pairs if palette.contrast(*pair) < 4.5}
    assert not low


@every_theme
def test_edges_of_controls_and_axes_can_be_seen(theme):
    assert palette.contrast(theme.line_strong, theme.bg) >= 3


def test_contrast_is_that_of_wcag():
    assert palette.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert palette.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@every_theme
def test_sequential_colours_move_away_from_the_ground_step_by_step(theme):
    distances = [palette.contrast(stop, theme.bg) for stop in theme.seq]
    assert distances == sorted(distances)
    assert distances[-1] > 7


@every_theme
def test_stops_are_met_and_mixed_between(theme):
    met = theme.diverging(np.linspace(-1, 1, 7))
    assert np.allclose(met, [palette.rgb(stop) for stop in theme.div])
    halfway = (np.asarray(palette.rgb(theme.seq[0])) + palette.rgb(theme.seq[1])) / 2
    assert np.allclose(theme.sequential(np.asarray(0.1)), halfway)
    ends = [palette.rgb(theme.seq[0]), palette.rgb(theme.seq[-1])]
    assert np.allclose(theme.sequential(np.asarray([-3.0, 7.0])), ends)


# Machado, Oliveira and Fernandes 2009, severity 1, on linear light.
PROTAN = [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
DEUTAN = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]


@every_theme
@pytest.mark.parametrize("eyes", [PROTAN, DEUTAN], ids=["protanopia", "deuteranopia"])
def test_ends_of_scales_and_pairs_of_signs_stay_apart_for_colour_blind_eyes(theme, eyes):
    def seen(colour):
        linear = np.where(np.asarray(palette.rgb(colour)) <= 0.04045, np.asarray(palette.rgb(colour)) / 12.92,
                          ((np.asarray(palette.rgb(colour)) + 0.055) / 1.055) ** 2.4)  # fmt: skip
        linear = np.clip(np.asarray(eyes) @ linear, 0, 1)
        return lab(linear)

    pairs = [(theme.supports, theme.against), (theme.div[0], theme.div[-1]), (theme.seq[0], theme.seq[-1])]
    pairs += list(combinations([theme.valid, theme.spurious], 2))
    for one, other in pairs:
        assert np.linalg.norm(seen(one) - seen(other)) > 20, (one, other)


def lab(linear):
    """CIE L*a*b* of linear sRGB, white D65."""
    to_xyz = np.asarray([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    t = to_xyz @ linear / (0.9505, 1.0, 1.089)
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.asarray([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_an_unknown_theme_or_verdict_is_named():
    with pytest.raises(KeyError, match="no theme 'sepia'; there are light, dark, print"):
        palette.theme("sepia")
    with pytest.raises(KeyError, match="no verdict 'odd'"):
        THEMES[0].verdict("odd")
