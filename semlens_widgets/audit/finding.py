"""The thresholds of an audit, and what it says of one concept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scipy.special import ndtri

from .. import numbers
from ..checklist import Concept, Kind
from ..counterfactual import Counterfactual
from ..detection import Limit
from ..intervals import Interval
from ..texts import plural
from ..warned import renamed_fields

State = Literal["found", "weak", "missing", "unknown", "unseen"]
SPEAKS = {"for": "speaks for it", "against": "speaks against it", "unclear": "direction unclear"}


def signed(interval: Interval) -> str:
    """An interval of something that has a sign, as text."""
    mean, low, high = (numbers.with_sign(value, 2) for value in (interval.mean, interval.low, interval.high))
    return f"{mean} [{low}, {high}]"


@renamed_fields(still="min_effect")
@dataclass(frozen=True)
class Thresholds:
    """The thresholds of an audit; all of them are in the report.

    Parameters
    ----------
    p
        A concept is in a component where random sets of images fit it as well at most this often (one-sided, for this
        component and concept alone). `z` is the same threshold in standard deviations.
    margin
        By how many z the better of the best valid and the best spurious concept must lead. A component where both lie
        above the threshold and neither leads is ambiguous.
    used
        The share of a layer's relevance for the class from which a concept or component counts as used.
    min_effect
        A concept counts as not used where its effect on the class's relevance is smaller: where the interval of
        `Finding.effect` overlaps ± this and ends within ± .3. A wider interval, for lack of images, decides nothing:
        then the share does.

    Notes
    -----
    The defaults are conventions, not laws. `min_effect` has the unit of the shares. It was chosen on two seeds of the
    demo and checked on four others, both classifiers and both classes, on layer4. The near ends of the intervals lay at
    .04 or below where toggling a concept in the pictures changes the logit by less than .3 (84 cases), and at .06 or
    above where it changes it by more than 1.5 (132 cases). On layer3 alone, 24 of 116 concepts that are not used count
    as used. `make bench-audit` prints these margins.

    Examples
    --------
    >>> round(sl.Thresholds(p=0.01).z, 2)
    2.33
    """

    p: float = 0.01
    margin: float = 1.0
    used: float = 0.02
    min_effect: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.p < 0.5:
            raise ValueError(f"p={self.p}; the level of the null lies between 0 and .5, usually .05 or .01")
        if not (self.margin >= 0 and 0 <= self.used <= 1 and 0 <= self.min_effect <= 1):
            raise ValueError(
                f"margin={self.margin}, used={self.used}, min_effect={self.min_effect}; needed are a lead in z ≥ 0 and "
                "shares from 0 to 1"
            )

    @property
    def z(self) -> float:
        """The level `p` in standard deviations of the normal distribution."""
        return float(-ndtri(self.p))


@renamed_fields(moves="effect", moved="has_effect")
@dataclass(frozen=True)
class Finding:
    """What became of one concept of the checklist.

    state:    "found"; "weak": above the threshold in some component, but not above chance over all of them, or another
              concept fits there a little better; "missing"; "unknown": the CLIP does not know its words; "unseen":
              cannot be seen in one image.
    rows:     the components that it fits best of all concepts, above the threshold, strongest first.
    best:     the first of them, else the component it fits best; None where there is none. `z`, `p`, `score` are this
              component's. `p_all` is the chance that as many unrelated components do as well, by the best of them or
              by how many lie above the line.
    refuted:  whether sampled images speak against `best` (see `AuditReport.held_out`), however high its z.
    relevance, share: summed over `rows`, within each layer, then averaged over the audited layers. `relevance` has the
              sign: positive speaks for the class. With 95 % intervals over images; None without relevance.
    signed_share: the share with the sign of the relevance: what windows, figures and reports call share of relevance.
    effect:   by how much the class's relevance, signed and summed over all components of a layer (±1 is all of it), is
              larger in images that show the concept than in those that do not, the checklist's other concepts being
              equal: least squares over sampled images of the class, with 95 % intervals. How much an image shows a
              concept is the mean response of its components that are not ambiguous and that held-out images confirm,
              else the image's similarity to it, scaled from 0 at the median image to 1 at the k that show it most.
              Components can carry a concept and be outweighed by others: then it is found, has a share, and has no
              effect. None without a sample of images whose relevance is known, with too few of them, or where another
              concept is on the same images.
    has_effect: whether the whole interval of `effect` lies beyond ± `Thresholds.min_effect`.
    used:     whether the share reaches `Thresholds.used`, and the effect is not below `Thresholds.min_effect`.
    elsewhere: whether it has an effect although its own components carry too small a share to count as used: other
              components carry it, or something that occurs together with it.
    doubtful: whether relevance was measured to say little about switching components off (`AuditReport.doubt`).
    logit:    by how much the class's logit margin is larger in images that show the concept than in those that do not,
              the checklist's other concepts being equal: least squares over all sampled images, as for `effect`, with
              95 % intervals (see `detection.least_squares`). How much an image shows a concept is the chance that it
              does (`Showing.chances`), by the mean response of those components, else by likeness, where either has two
              groups; else as for `effect`. What goes along with a concept in these images, and is not on the checklist,
              is in it, too. None where the model was not asked, or as for `effect`.
    limit:    a smaller `logit` would be found in at most half of the cases. None where it is not sure which images show
              the concept: nobody can say how much of `logit` is the concept's then.
    counterfactual: what changes in the model when the concept is drawn onto pictures, where that was asked; see
              `proof_found` and `proof_used`.
    shown:    False where the data hardly show the concept, as far as the CLIP can tell.
    """

    concept: Concept
    group: str
    kind: Kind
    state: State
    rows: tuple[int, ...]
    best: int | None
    score: float
    z: float
    p: float
    p_all: float
    relevance: Interval | None
    share: Interval | None
    used: bool
    shown: bool
    unknown: tuple[str, ...] = ()
    message: str = ""
    effect: Interval | None = None
    has_effect: bool = False
    elsewhere: bool = False
    refuted: bool = False
    doubtful: bool = False
    logit: Interval | None = None
    limit: Limit | None = None
    counterfactual: Counterfactual | None = None

    @property
    def name(self) -> str:
        return self.concept.name

    @property
    def direction(self) -> Literal["for", "against", "unclear"] | None:
        """Whether it speaks for the class, against it, or (its interval holds 0) neither clearly; None if not used."""
        if not self.used or self.relevance is None:
            return None
        if self.relevance.low <= 0 <= self.relevance.high:
            return "unclear"
        return "for" if self.relevance.mean > 0 else "against"

    @property
    def signed_share(self) -> Interval | None:
        """The share of the class's relevance, negative where the relevance is."""
        if self.share is None or self.relevance is None or self.relevance.mean >= 0:
            return self.share
        return Interval(-self.share.mean, -self.share.high, -self.share.low)

    @property
    def use(self) -> str:
        """Whether the class rests on it, and why, in words; "" without relevance or components."""
        if self.share is None or not self.rows:
            return ""
        use = f"used, {SPEAKS[self.direction]}" if self.direction else "not used"
        use += " in its own components, but through others" if self.elsewhere else ""
        of = "a relevance that says little here" if self.doubtful else "the relevance"
        effect = f"; effect on the relevance {signed(self.effect)}" if self.effect is not None else ""
        proof = f"; {self.proof_used}" if self.proof_used else ""
        return f"{use}: {self.share.mean:.1%} of {of}{effect}{proof}"

    @property
    def proven(self) -> tuple[int, ...]:
        """Those of its components that answer to the concept, and to no other edit, when it is drawn onto pictures."""
        found = self.counterfactual
        return () if found is None else tuple(row for row in self.rows if found.found[row])

    @property
    def proof_found(self) -> str:
        """What the counterfactual says of the components, in words; "" without one."""
        found = self.counterfactual
        if found is None:
            return ""
        on = f"drawn onto {plural(found.pairs, 'picture')}"
        if found.pairs < found.fewest:
            return f"{on}: too few to prove anything; it takes {found.fewest}"
        others = int(found.found.sum()) - len(self.proven)
        besides = f", and {plural(others, 'other component')}" if others else ""
        if self.rows:
            answer = "answers" if len(self.rows) == 1 else "answer"
            return f"{on}, {len(self.proven)} of {plural(len(self.rows), 'component')} {answer} to it alone{besides}"
        return f"{on}, {plural(others, 'component')} answer{'s' if others == 1 else ''} to it alone"

    @property
    def proof_used(self) -> str:
        """What the counterfactual says of the prediction, in words; "" without one."""
        if self.counterfactual is None or self.counterfactual.prediction is None:
            return ""
        told = f"drawn onto pictures, {self.counterfactual.prediction.sentence}"
        return f"{told}; {self.at_odds}" if self.at_odds else told

    @property
    def at_odds(self) -> str:
        """That the images as they are say something else of the logit than the concept drawn onto pictures, in words;
        "" where their intervals overlap, or one is not known.

        What goes along with a concept in images, or is taken for another one where the concept is, cannot be told from
        it by least squares. In pairs of pictures nothing else differs.
        """
        pairs = None if self.counterfactual is None else self.counterfactual.prediction
        if pairs is None or self.logit is None:
            return ""
        if self.logit.low <= pairs.change.high and pairs.change.low <= self.logit.high:
            return ""
        return (
            f"over the sampled images least squares says {signed(self.logit)}: something else goes along with it, or "
            "is taken for it, so go by the pairs"
        )
