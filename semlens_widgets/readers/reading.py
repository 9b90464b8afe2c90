"""A blind reading: who reads, what about, who has finished, and how disagreements were settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ..texts import well_formed
from ..verdicts import Verdict, Verdicts, now, subject_of
from .agreement import Agreement, agreement


@dataclass(frozen=True)
class Reading:
    """Two readers who decide about the same things, each without seeing what the other says until both have finished.

    Parameters
    ----------
    readers
        Their names, two different ones, in whatever case.
    subjects
        What each has to decide about: "@ruler", "layer4:64".
    begun
        When, in UTC.
    done
        By reader when he or she finished.
    settled
        How disagreements were settled: verdicts with a note that says why.
    components
        By concept the component that shows it best, where it shows no other best: a verdict on that is one on the
        concept, unless the reader decided about the concept itself.

    Notes
    -----
    A value: `finishing` and `settling` give new ones. It hides what windows, cells and reports of a lens show; whoever
    opens the audit's file in an editor sees all of it.

    Examples
    --------
    >>> team = sl.demo.lens(n=106, progress=False)
    >>> _ = team.audit(sl.Checklist(spurious=["ruler"]), relevance=False, progress=False)
    >>> reading = team.begin_reading("Ada", "Bob", ["@ruler"])

    >>> reading.readers, reading.open
    (('Ada', 'Bob'), False)
    """

    readers: tuple[str, str]
    subjects: tuple[str, ...]
    begun: str = ""
    done: Mapping[str, str] = field(default_factory=dict)
    settled: tuple[Verdict, ...] = ()
    components: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = tuple(" ".join(well_formed(name).split()) for name in self.readers)
        if len({name.casefold() for name in names}) != 2 or not all(names):  # Ada and ada are one person
            raise ValueError(f"two readers with different names are needed, not {', '.join(map(repr, names))}")
        subjects = tuple(dict.fromkeys(map(subject_of, self.subjects)))
        if not subjects:
            raise ValueError("what is to be read? give subjects, such as '@ruler', or a checklist first")
        if foreign := [name for name in self.done if name not in names]:
            raise ValueError(f"{foreign[0]!r:.60} is none of the readers, {' and '.join(names)}")
        made = {"readers": names, "subjects": subjects, "begun": self.begun or now(), "done": dict(self.done),
                "settled": tuple(self.settled), "components": dict(self.components)}  # fmt: skip
        for name, value in made.items():
            object.__setattr__(self, name, value)

    def __hash__(self) -> int:
        return hash((self.readers, self.subjects, self.begun, tuple(sorted(self.done.items())), self.settled))

    @property
    def open(self) -> bool:
        """Whether both have finished, so that each may see what the other said."""
        return all(name in self.done for name in self.readers)

    @property
    def waiting(self) -> str:
        """Who has not finished, in words."""
        return " and ".join(name for name in self.readers if name not in self.done)

    def shown_to(self, verdicts: Verdicts, who: str) -> tuple[Verdicts, Verdicts]:
        """What one person may see, and what is kept from them.

        Until both have finished a reader sees what he or she said and what was said before it began; nobody else sees
        what a reader said since.

        Parameters
        ----------
        verdicts
            Those of all people.
        who
            The person.

        Returns
        -------
        tuple[Verdicts, Verdicts]
            What is shown, and what is kept back.
        """
        if self.open:
            return verdicts, Verdicts()
        hidden = [v for v in verdicts.entries if v.who in self.readers and v.who != who and v.when > self.begun]
        seen = set(hidden)
        return Verdicts(tuple(v for v in verdicts.entries if v not in seen)), Verdicts(tuple(hidden))

    def said(self, verdicts: Verdicts, who: str) -> dict[str, str]:
        """What a reader decided about each subject, by the time he or she finished.

        Parameters
        ----------
        verdicts
            Those of all people.
        who
            One of the readers.

        Returns
        -------
        dict[str, str]
            Decisions by subject.
        """
        until = self.done.get(who)
        entries = [v for v in verdicts.entries if v.who == who and v.when > self.begun]
        own = Verdicts(tuple(v for v in entries if until is None or v.when <= until)).of(who)
        decided = {}
        for subject in self.subjects:
            about = [own[s].decision for s in (subject, self.components.get(subject, "")) if s in own]
            if decision := next(filter(None, about), None):
                decided[subject] = str(decision)
        return decided

    def undecided(self, verdicts: Verdicts, who: str) -> tuple[str, ...]:
        """What a reader has not decided about.

        Parameters
        ----------
        verdicts
            Those of all people.
        who
            One of the readers.

        Returns
        -------
        tuple[str, ...]
            The subjects.
        """
        said = self.said(verdicts, who)
        return tuple(subject for subject in self.subjects if subject not in said)

    def finishing(self, verdicts: Verdicts, who: str) -> Reading:
        """With a reader finished.

        Parameters
        ----------
        verdicts
            Those of all people.
        who
            One of the readers.

        Returns
        -------
        Reading
            The new reading.

        Raises
        ------
        ValueError
            For somebody else, twice, or where something is undecided.
        """
        if who not in self.readers:
            readers = " and ".join(self.readers)
            raise ValueError(f"{who or 'somebody without a name'} is none of the readers, {readers}; set lens.auditor")
        if who in self.done:
            raise ValueError(f"{who} has finished already")
        if left := self.undecided(verdicts, who):
            more = f" and {len(left) - 5} more" if len(left) > 5 else ""
            raise ValueError(f"{who} has not decided about {', '.join(left[:5])}{more}; 'unsure' is a decision, too")
        last = verdicts.entries[-1].when if verdicts.entries else ""
        return replace(self, done={**self.done, who: max(now(), last)})

    def agreement(self, verdicts: Verdicts) -> Agreement:
        """How the two agree. ValueError until both have finished.

        Parameters
        ----------
        verdicts
            Those of all people.

        Returns
        -------
        Agreement
            Both measures, and the disagreements.
        """
        if not self.open:
            raise ValueError(f"{self.waiting} has not finished; agreement is told when both have")
        first, second = (self.said(verdicts, name) for name in self.readers)
        both = [subject for subject in self.subjects if subject in first and subject in second]
        return agreement(self.readers, both, [first[s] for s in both], [second[s] for s in both])

    def settling(self, verdict: Verdict) -> Reading:
        """With a disagreement settled. ValueError without a decision or a reason, or where nothing is to be settled.

        Parameters
        ----------
        verdict
            With a note that says why.

        Returns
        -------
        Reading
            The new reading.
        """
        if verdict.subject not in self.subjects:
            raise ValueError(f"{verdict.subject} was not read; subjects are {', '.join(self.subjects[:8])}")
        if verdict.decision is None or not verdict.note:
            raise ValueError("a disagreement is settled by a decision and the reason for it")
        return replace(self, settled=(*self.settled, verdict))

    @property
    def settlements(self) -> dict[str, Verdict]:
        """By subject how it was settled last."""
        return {verdict.subject: verdict for verdict in self.settled}

    # keeping

    def to_state(self) -> dict[str, Any]:
        """As JSON-ready values, to be kept."""
        return {"readers": list(self.readers), "subjects": list(self.subjects), "begun": self.begun,
                "done": dict(self.done), "settled": [asdict(v) for v in self.settled],
                "components": dict(self.components)}  # fmt: skip

    def to_document(self, verdicts: Verdicts) -> dict[str, Any]:
        """What a report says of it: who, when, how they agree, and how disagreements were settled.

        Parameters
        ----------
        verdicts
            Those of all people.

        Returns
        -------
        dict
            JSON-ready values.
        """
        found = self.agreement(verdicts).to_document() if self.open else None
        return {**self.to_state(), "agreement": found}

    @classmethod
    def from_state(cls, document: Any) -> Reading:
        """From what `to_state` gives.

        Parameters
        ----------
        document
            JSON values.

        Returns
        -------
        Reading
            The reading.

        Raises
        ------
        ValueError
            For anything else.
        """
        if not isinstance(document, Mapping):
            raise ValueError("a reading has readers, subjects, begun, done and settled")
        try:
            readers: Sequence[str] = document["readers"]
            first, second = readers
            settled = tuple(Verdict(**verdict) for verdict in document.get("settled", ()))
            done, components = (
                {str(key): str(value) for key, value in document.get(name, {}).items()}
                for name in ("done", "components")
            )
            return cls((first, second), tuple(document["subjects"]), str(document["begun"]), done, settled, components)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"this is no reading: {error}") from None
