"""Vocabularies: the words that components may be labelled with, from a list, a file, or one of those beside this."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..texts import read_text

_PACKAGED = {path.stem: path for path in Path(__file__).parent.glob("*.txt")}


def packaged() -> tuple[str, ...]:
    """The names of the vocabularies that come with the package."""
    return tuple(sorted(_PACKAGED))


def vocabulary(source: str | Path | Sequence[str]) -> tuple[str, ...]:
    """The words of a vocabulary, each once, in order.

    Parameters
    ----------
    source
        A list of words; "common" (objects, parts, textures, colours, materials) or "dermoscopy", which come with the
        package; or a text file, one word or phrase per line, empty lines and those that begin with "#" left out.

    Returns
    -------
    tuple[str, ...]
        The words.

    Raises
    ------
    FileNotFoundError
        For any other name.
    ValueError
        For an empty list.

    Examples
    --------
    >>> sl.vocabulary(["ruler", "hair", "ruler"])
    ('ruler', 'hair')
    >>> "ruler" in sl.vocabulary("dermoscopy")
    True
    """
    if isinstance(source, str | Path):
        path = _PACKAGED.get(str(source), Path(source))
        if not path.is_file():
            raise FileNotFoundError(
                f"no vocabulary {str(source)!r}; give a list of words, a text file with one word per line, or one of "
                f"{', '.join(packaged())}"
            )
        lines = [line.strip() for line in read_text(path).splitlines()]
        listed = [line for line in lines if line and not line.startswith("#")]
    else:
        if (odd := next((word for word in source if not isinstance(word, str)), None)) is not None:
            raise TypeError(f"{odd!r} in the vocabulary; its words are texts")
        listed = [" ".join(word.split()) for word in source]
    words = tuple(dict.fromkeys(word for word in listed if word))
    if not words:
        raise ValueError(f"the vocabulary {str(source)[:60]!r} has no word")
    return words
