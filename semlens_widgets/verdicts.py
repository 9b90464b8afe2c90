"""Verdicts: what people decided about components and concepts, who and when; kept apart from what was computed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, astuple, dataclass
from datetime import datetime, timezone
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any, Literal, get_args

from .components import Component
from .texts import from_json, natural, read_text, well_formed
from .warned import Renamed
from .writing import write_text

Decision = Literal["valid", "spurious", "neutral", "unsure"]
DECISIONS: tuple[Decision, ...] = get_args(Decision)
_SYNONYMS = {"accept": "valid", "accepted": "valid"}
_LONGEST_LABEL = 200
_CONCEPT = "@"  # no layer's name begins with it


def subject_of(thing: str | Component) -> str:
    """What a verdict is about, as text: 'layer4:64' for a component, '@ruler' for a concept of the checklist."""
    if isinstance(thing, Component):
        return str(thing)
    if thing.startswith(_CONCEPT):
        name = well_formed(" ".join(thing[1:].split()))
        if not name:
            raise ValueError("'@' names no concept; write '@ruler' for a concept, 'layer4:64' for a component")
        return _CONCEPT + name
    try:
        return str(Component.parse(thing))
    except ValueError as error:
        raise ValueError(f"{error}, and a concept of the checklist as '@ruler'") from None


def now() -> str:
    """This moment in UTC, as verdicts state it."""
    return datetime.now(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Verdict:
    """One person's decision about one component ("layer4:64") or one concept ("@ruler").

    Parameters
    ----------
    subject
        The component or concept.
    decision
        "valid" may be used, "spurious" must not be, "neutral" makes no difference, "unsure"; or None.
    label
        What the person calls it, or None.
    note
        Free text.
    who, when
        The person, and the moment in UTC (ISO 8601).

    Notes
    -----
    Without decision, label and note it withdraws what the person said before.

    Examples
    --------
    >>> verdict = sl.Verdict("layer4:64", "spurious", note="rulers only", who="Ada")
    >>> verdict.concept is None, sl.Verdict("@ruler", "spurious").concept
    (True, 'ruler')
    """

    subject: str
    decision: str | None = None
    label: str | None = None
    note: str = ""
    who: str = ""
    when: str = ""

    def __post_init__(self) -> None:
        for name, kinds in (
            ("subject", str), ("label", (str, type(None))), ("note", str), ("who", str), ("when", str),
        ):  # fmt: skip
            value = getattr(self, name)
            if not isinstance(value, kinds):
                raise TypeError(f"{name} of the verdict on {self.subject!r:.80} is {value!r:.80}; it is a text")
            if isinstance(value, str):
                object.__setattr__(self, name, well_formed(value))
        decision = _SYNONYMS.get(str(self.decision), self.decision)
        if decision is not None and decision not in DECISIONS:
            raise ValueError(f"{self.decision!r:.80} is no decision; decisions are {', '.join(map(repr, DECISIONS))}")
        label = None if self.label is None else " ".join(self.label.split()) or None
        if label is not None and len(label) > _LONGEST_LABEL:
            raise ValueError(f"a label of {len(label)} characters; at most {_LONGEST_LABEL}, more fits into the note")
        tidy = {"subject": subject_of(self.subject), "decision": decision, "label": label,
                "note": self.note.strip().replace("\r\n", "\n"), "who": " ".join(self.who.split())}  # fmt: skip
        for name, value in tidy.items():
            object.__setattr__(self, name, value)

    @property
    def withdrawn(self) -> bool:
        """Whether the person took everything back."""
        return self.decision is None and self.label is None and not self.note

    @property
    def concept(self) -> str | None:
        """The concept it is about, or None for a component."""
        return self.subject[1:] if self.subject.startswith(_CONCEPT) else None

    @property
    def judgement(self) -> tuple[str | None, str | None]:
        """What has to agree between two people: decision and label."""
        return self.decision, self.label

    said = Renamed("judgement")

    def __str__(self) -> str:
        parts = [self.decision or "no decision", *([f"“{self.label}”"] if self.label else [])]
        return f"{self.subject}: {', '.join(parts)} ({self.who or 'unknown'}, {self.when[:16]})"


@dataclass(frozen=True)
class Conflict:
    """People who say different things about one component or concept: the present verdict of each."""

    subject: str
    verdicts: tuple[Verdict, ...]

    def __str__(self) -> str:
        return "; ".join(str(v) for v in self.verdicts)


@dataclass(frozen=True, eq=False)
class Verdicts(Mapping[str, Verdict]):
    """All verdicts of all people, nothing lost: a value, by subject ("layer4:64", "@ruler").

    `verdicts["layer4:64"]` is the last verdict on it. `judging` and `withdrawing` give new values, `merge` puts two
    people's together.

    Parameters
    ----------
    entries
        Every verdict ever given, in order of time; the last of each person counts.

    Examples
    --------
    >>> ada = sl.Verdicts().judging("layer4:64", "spurious", who="Ada")
    >>> bob = sl.Verdicts().judging("layer4:64", "valid", who="Bob")
    >>> both = ada.merge(bob)
    >>> both.people, len(both.conflicts)
    (('Ada', 'Bob'), 1)
    """

    entries: tuple[Verdict, ...] = ()

    def __post_init__(self) -> None:
        order = sorted(dict.fromkeys(self.entries), key=lambda v: (v.when, v.subject, v.who, repr(astuple(v))))
        object.__setattr__(self, "entries", tuple(order))

    @cached_property
    def _present(self) -> dict[str, tuple[Verdict, ...]]:
        """By subject, in natural order: what each person says last, the latest person last."""
        latest: dict[tuple[str, str], Verdict] = {}
        for verdict in self.entries:
            latest.pop((verdict.subject, verdict.who), None)
            latest[verdict.subject, verdict.who] = verdict
        present: dict[str, list[Verdict]] = {}
        for verdict in latest.values():
            if not verdict.withdrawn:
                present.setdefault(verdict.subject, []).append(verdict)
        return {subject: tuple(present[subject]) for subject in sorted(present, key=_natural)}

    def __getitem__(self, subject: str | Component) -> Verdict:
        return self._present[subject_of(subject)][-1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._present)

    def __len__(self) -> int:
        return len(self._present)

    def __contains__(self, subject: object) -> bool:
        try:
            return isinstance(subject, str | Component) and subject_of(subject) in self._present
        except ValueError:
            return False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Verdicts) and self.entries == other.entries

    def __hash__(self) -> int:
        return hash(self.entries)

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody who ever gave a verdict."""
        return tuple(dict.fromkeys(v.who for v in self.entries))

    def of(self, who: str) -> dict[str, Verdict]:
        """What one person says, by subject.

        Parameters
        ----------
        who
            The person.

        Returns
        -------
        dict[str, Verdict]
            The verdicts.
        """
        return {s: v for s, listed in self._present.items() for v in listed if v.who == who}

    def subjects(self, decision: Decision) -> tuple[str, ...]:
        """What was last decided so: components and concepts ("@…").

        Parameters
        ----------
        decision
            Such as "spurious".

        Returns
        -------
        tuple[str, ...]
            Their names.
        """
        return tuple(subject for subject in self if self[subject].decision == decision)

    def components(self, decision: Decision) -> tuple[Component, ...]:
        """The components that were last decided so.

        Parameters
        ----------
        decision
            Such as "spurious".

        Returns
        -------
        tuple[Component, ...]
            The components.
        """
        return tuple(Component.parse(s) for s in self.subjects(decision) if not s.startswith(_CONCEPT))

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """Where people disagree in decision or label; the later verdict counts until one of them changes theirs."""
        return tuple(
            Conflict(subject, listed)
            for subject, listed in self._present.items()
            if len({v.judgement for v in listed}) > 1
        )

    # deciding

    def judging(
        self,
        subject: str | Component,
        decision: str | None = None,
        *,
        label: str | None = None,
        note: str | None = None,
        who: str = "",
        when: str | None = None,
    ) -> Verdicts:
        """With one more verdict; what is not given stays as the person said it last.

        Parameters
        ----------
        subject
            "layer4:64", a `Component`, or "@ruler".
        decision
            "valid", "spurious", "neutral" or "unsure".
        label
            What the person calls it; an empty one takes it back.
        note
            Free text.
        who
            The person.
        when
            The moment in UTC (ISO 8601); now unless given.

        Returns
        -------
        Verdicts
            All verdicts.
        """
        before = self.of(who).get(subject_of(subject))
        last = before or Verdict(subject_of(subject))
        verdict = Verdict(
            subject_of(subject),
            last.decision if decision is None else decision,
            last.label if label is None else label,
            last.note if note is None else note,
            who,
            when or self._next_moment(),
        )
        return Verdicts((*self.entries, verdict))

    def withdrawing(self, subject: str | Component, *, who: str = "", when: str | None = None) -> Verdicts:
        """With a person's verdict taken back.

        Parameters
        ----------
        subject
            "layer4:64", a `Component`, or "@ruler".
        who
            The person.
        when
            The moment in UTC; now unless given.

        Returns
        -------
        Verdicts
            All verdicts.

        Raises
        ------
        KeyError
            If there is none.
        """
        if subject_of(subject) not in self.of(who):
            raise KeyError(f"{who or 'an unnamed person'} has no verdict on {subject_of(subject)!r} to take back")
        return Verdicts((*self.entries, Verdict(subject_of(subject), None, None, "", who, when or self._next_moment())))

    def _next_moment(self) -> str:
        """Now, but never before the last entry: a clock that was set back must not reorder what was decided."""
        moment = now()
        last = self.entries[-1].when if self.entries else ""
        return moment if moment > last else f"{last}+"

    def merge(self, other: Verdicts) -> Verdicts:
        """Both people's verdicts, nothing lost; where they disagree stands in `conflicts`.

        Parameters
        ----------
        other
            What others said.

        Returns
        -------
        Verdicts
            All verdicts.
        """
        return Verdicts(self.entries + other.entries)

    # keeping

    def to_json(self, **about: Any) -> str:
        """JSON text, a line per verdict, in the order of components.

        Parameters
        ----------
        **about
            What the verdicts are of.

        Returns
        -------
        str
            The text.
        """
        lines = [json.dumps(asdict(v), ensure_ascii=False) for v in sorted(self.entries, key=_in_order)]
        head = "".join(f" {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)},\n" for k, v in about.items())
        listed = ",\n".join(f"  {line}" for line in lines)
        body = f"[\n{listed}\n ]" if lines else "[]"
        return f'{{\n{head} "verdicts": {body}\n}}\n'

    @classmethod
    def from_json(cls, text: str) -> Verdicts:
        """From JSON text as `to_json` gives it.

        Parameters
        ----------
        text
            JSON.

        Returns
        -------
        Verdicts
            The verdicts.

        Raises
        ------
        ValueError
            Says which entry is wrong.
        """
        document = from_json(text, "these are no verdicts")
        return cls.from_document(document.get("verdicts") if isinstance(document, dict) else None)

    @classmethod
    def from_document(cls, listed: Any, bad: list[str] | None = None) -> Verdicts:
        """From the list under "verdicts".

        Parameters
        ----------
        listed
            JSON values.
        bad
            A list: what is wrong is told there and left out, and the others are kept.

        Returns
        -------
        Verdicts
            The verdicts.

        Raises
        ------
        ValueError
            Says which entry is wrong.
        """
        if not isinstance(listed, list):
            raise ValueError('verdicts are a JSON object with a list "verdicts"')
        entries = []
        for number, entry in enumerate(listed, 1):
            try:
                entries.append(Verdict(**entry))
            except (TypeError, ValueError) as error:
                problem = f"verdict {number} of the file: {error}"
                if bad is None:
                    raise ValueError(problem) from None
                bad.append(problem)
        return cls(tuple(entries))

    def to_file(self, path: str | os.PathLike[str], **about: Any) -> Path:
        """Write the JSON text; the file appears whole or not at all.

        Parameters
        ----------
        path
            Of the file.
        **about
            What the verdicts are of.

        Returns
        -------
        Path
            The file that was written.
        """
        return write_text(Path(path), self.to_json(**about))

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Verdicts:
        """Verdicts from a file that `to_file`, or a lens, wrote.

        Parameters
        ----------
        path
            Of the file.

        Returns
        -------
        Verdicts
            The verdicts.
        """
        return cls.from_json(read_text(path))

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict per subject: the verdict that counts, and whether people disagree."""
        disputed = {conflict.subject for conflict in self.conflicts}
        return [asdict(self[subject]) | {"conflict": subject in disputed} for subject in self]

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(self.subjects(d))} {d}" for d in DECISIONS if self.subjects(d))
        disputed = f"; {len(self.conflicts)} in conflict" if self.conflicts else ""
        lines = [f"<{len(self)} verdicts{f': {counts}' if counts else ''}{disputed}>"]
        return "\n".join([*lines, *(f"  {self[subject]}" for subject in list(self)[:20])])

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><td><code>{escape(v.subject)}</code></td><td>{v.decision or ''}</td><td>{escape(v.label or '')}</td>"
            f"<td>{escape(v.note)}</td><td>{escape(v.who)}</td><td>{escape(v.when[:16])}</td></tr>"
            for v in self.values()
        )
        heads = "".join(f"<th>{h}</th>" for h in ("about", "decision", "label", "note", "who", "when (UTC)"))
        conflicts = "".join(f"<li>{escape(str(c))}</li>" for c in self.conflicts)
        disputed = f"<p>In conflict:</p><ul>{conflicts}</ul>" if conflicts else ""
        return f"<table><tr>{heads}</tr>{cells}</table>{disputed}"


def _natural(subject: str) -> tuple[bool, list[Any]]:
    """Components before concepts; numbers by size."""
    return subject.startswith(_CONCEPT), natural(subject)


def _in_order(verdict: Verdict) -> tuple[Any, ...]:
    return _natural(verdict.subject), verdict.when, verdict.who
