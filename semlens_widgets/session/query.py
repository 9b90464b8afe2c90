"""The grammar of a query: terms separated by commas; one that begins with "-" is pushed away from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ..texts import well_formed

# What JavaScript calls white space: js/shared/query.js reads queries where no kernel is, and tests/queries.json holds
# both together.
_SPACE = re.compile(r"[\t\n\v\f\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]+")


@dataclass(frozen=True)
class Term:
    """One term: words, a component such as "layer4:57", or a kept picture "image:…"."""

    text: str
    negative: bool = False

    def __str__(self) -> str:
        return f"-{self.text}" if self.negative else self.text


@dataclass(frozen=True)
class Query:
    """The terms of a query. `str(query)` writes it, spaces evened out and empty terms dropped."""

    terms: tuple[Term, ...]

    @classmethod
    def parse(cls, text: str) -> Query:
        """'ruler, -hair' has the terms 'ruler' and, negative, 'hair'."""
        return cls(tuple(term for part in well_formed(text).split(",") if (term := _term(part)) is not None))

    @classmethod
    def asking(cls, text: str) -> Query:
        """As `parse`; ValueError where nothing is looked for."""
        query = cls.parse(text)
        if not query.terms:
            raise ValueError(f"a query is a text with at least one word, not {text!r}")
        if not query.toward:
            raise ValueError(f"the query {text!r} only says what not to look for; add a word without '-'")
        return query

    def __str__(self) -> str:
        return ", ".join(map(str, self.terms))

    @property
    def toward(self) -> tuple[str, ...]:
        """The texts that are looked for."""
        return tuple(term.text for term in self.terms if not term.negative)

    @property
    def away(self) -> tuple[str, ...]:
        """The texts that are pushed away from."""
        return tuple(term.text for term in self.terms if term.negative)


def _term(part: str) -> Term | None:
    tidy = _SPACE.sub(" ", part).strip(" ")
    negative = tidy.startswith("-")
    text = tidy[1:].strip(" ") if negative else tidy
    return Term(text, negative) if text.strip("- ") else None


def tidy_words(words: str | Iterable[str]) -> list[str]:
    """Words, or one text of terms, evened out and without sign, each once, in the order given; empty ones dropped."""
    listed = [words] if isinstance(words, str) else words
    texts = [term.text.lstrip("- ") for word in listed for term in Query.parse(word).terms]
    return list(dict.fromkeys(texts))
