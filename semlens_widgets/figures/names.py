"""What components are called in a figure: a person's own words win, and are marked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..components import Components
from ..describe import UNEXPLAINED, Labels

OWN = "✎"


@dataclass(frozen=True, eq=False)
class Names:
    """The names of components: a person's `own` words by component, as in {"layer4:3": "ruler"}, else `labels`."""

    components: Components
    labels: Labels | None = None
    own: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, components: Components, labels: Labels | None, own: Mapping[str, str] | None) -> Names:
        return cls(components, labels, own or {})

    def __bool__(self) -> bool:
        """Whether any component may have a name."""
        return self.labels is not None or bool(self.own)

    def own_word(self, row: int) -> str | None:
        return self.own.get(str(self.components[row])) if self.own else None

    def plain(self, row: int) -> str | None:
        """A component's name without a mark, or None."""
        return self.own_word(row) or (None if self.labels is None else self.labels.word(row))

    def word(self, row: int) -> str | None:
        """A component's name, a person's marked, or None."""
        own = self.own_word(row)
        return marked(own) if own else self.plain(row)

    def display_name(self, row: int) -> str | None:
        """As `word`, but "unexplained" where words were tried and none explains it."""
        return self.word(row) or (None if self.labels is None else UNEXPLAINED)

    @property
    def note(self) -> str:
        """What a caption says of them."""
        labels = "" if self.labels is None else f" Labels: {self.labels.message}."
        return labels + self.key

    @property
    def key(self) -> str:
        """What the mark means, if there is any."""
        return f" {OWN}: a person's own word." if self.own else ""


def marked(word: str) -> str:
    return f"{word} {OWN}"
