"""What a component is called: a person's own word, or the closest one of a vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..components import Component
from ..describe import Labels


@dataclass(frozen=True)
class ShownLabel:
    """What stands beside a component: a person's own word, else the best word and whether it is believed.

    Attributes
    ----------
    text
        The word.
    margin
        Its lead over the second best; None for a person's own.
    confident
        Whether it is believed; else it is only the closest there is, and the component counts as unexplained.
    own
        Whether a person gave it.

    Examples
    --------
    >>> component = sl.Component("layer4", 57)
    >>> sl.ShownLabel.of(component, lens.components.row(component), None, {"layer4:57": "ruler"}).text
    'ruler'
    """

    text: str
    margin: float | None
    confident: bool
    own: bool

    @classmethod
    def of(cls, component: Component, row: int, labels: Labels | None, own: Mapping[str, str]) -> ShownLabel | None:
        """A person's own label of the component, else the closest word; None without either.

        Parameters
        ----------
        component
            Which.
        row
            Of it.
        labels
            What `describe` gave, or None.
        own
            A person's own words by component.

        Returns
        -------
        ShownLabel or None
            The label, or None.
        """
        if own and (word := own.get(str(component))) is not None:
            return cls(word, None, confident=True, own=True)
        if labels is None or not (words := labels.closest(row)):
            return None
        return cls(words[0], float(labels.margins[row]), confident=bool(labels.accepted[row, 0]), own=False)
