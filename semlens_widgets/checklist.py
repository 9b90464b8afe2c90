"""Checklists: what a model should know, what it must not use, and what makes no difference, in words."""

from __future__ import annotations

import difflib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from itertools import islice
from pathlib import Path
from typing import Any, Literal, cast, get_args

from .artefacts import NAMED
from .checklist_markdown import UNSEEN, from_markdown, kind_named, line_of
from .texts import from_csv, from_json, read_text, to_csv, well_formed
from .writing import write_text

Kind = Literal["valid", "spurious", "neutral"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_MEANING = {"valid": "should be used", "spurious": "must not be used", "neutral": "makes no difference"}
EXAMPLES = ("objects", "chest", "histology")
"""Fields that `Checklist.example` has one for."""
_TITLES = {"valid": "Should be used", "spurious": "Must not be used", "neutral": "Neutral"}
_TWICE = "the {} {!r} stands twice in this checklist; give each its own name"
_LISTED = 20  # names in an error
_MOST_COMPARED = 2000  # of which the nearest is sought


@dataclass(frozen=True)
class Concept:
    """One expectation: a thing in pictures, the texts that say it, and whether the model may rest on it.

    Parameters
    ----------
    name
        How people call it; stands once in a checklist.
    prompts
        Texts of the same meaning, searched as one; the name itself where none are given. An empty list says that the
        concept cannot be seen in one image, so that nothing is searched.
    kind
        "valid" should be used, "spurious" must not be used, "neutral" may be seen and should make no difference.
    classes
        The classes (by name) this holds for, all if empty; for other classes the concept is neutral.
    note
        Anything a reader should know.
    artefact
        Which drawing of `sl.artefacts` shows it, such as "ruler", for counterfactual proof; none if empty.

    Examples
    --------
    >>> border = sl.Concept("border", ["irregular border", "jagged border"])
    >>> border.texts, border.kind
    (('irregular border', 'jagged border'), 'valid')
    >>> sl.Concept("evolving", []).visible
    False
    """

    name: str
    prompts: Sequence[str] | None = None
    kind: Kind = "valid"
    classes: Sequence[str] = ()
    note: str = ""
    artefact: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not line_of(self.name):
            raise ValueError(f"a concept needs a name with at least one letter, not {self.name!r:.80}")
        for field in ("prompts", "classes"):
            if isinstance(getattr(self, field), str):
                raise TypeError(f"{field} of {self.name!r:.80} is one text; give a list of texts")
        if self.kind not in KINDS:
            raise ValueError(f"{self.name!r:.80} has kind {self.kind!r:.80}; kinds are {', '.join(map(repr, KINDS))}")
        if not isinstance(self.note, str):
            raise TypeError(f"the note on {self.name!r:.80} is {self.note!r:.80}; a note is a text")
        if self.artefact and self.artefact not in NAMED:
            raise ValueError(f"{self.name!r:.80} has artefact {self.artefact!r:.80}; there are {', '.join(NAMED)}")
        prompts = (self.name,) if self.prompts is None else self.prompts
        tidy = {
            "name": line_of(self.name),
            "prompts": tuple(dict.fromkeys(filter(None, map(line_of, prompts)))),
            "classes": tuple(dict.fromkeys(filter(None, map(line_of, self.classes)))),
            "note": "\n".join(line.strip() for line in well_formed(self.note).strip().splitlines()),
        }
        for field, value in tidy.items():
            object.__setattr__(self, field, value)

    @property
    def texts(self) -> tuple[str, ...]:
        """The prompts; none for a concept that cannot be seen in one image."""
        return tuple(self.prompts or ())

    @property
    def visible(self) -> bool:
        """Whether the concept can be seen in a picture at all: it has texts to search for."""
        return bool(self.texts)

    def kind_for(self, target: str | None) -> Kind:
        """What the concept is for one class.

        Parameters
        ----------
        target
            The class, by name; None for any.

        Returns
        -------
        Kind
            "valid", "spurious" or "neutral".
        """
        return self.kind if target is None or not self.classes or target in self.classes else "neutral"


@dataclass(frozen=True)
class Group:
    """Concepts under one heading, in order.

    Parameters
    ----------
    name
        The heading; stands once in a checklist.
    concepts
        What is expected.

    Examples
    --------
    >>> group = sl.Group("Artefacts", [sl.Concept("ruler", kind="spurious")])
    >>> sl.Checklist([group]).counts
    '0 valid, 1 spurious, 0 neutral'
    """

    name: str
    concepts: Sequence[Concept] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", line_of(self.name))
        object.__setattr__(self, "concepts", tuple(self.concepts))


@dataclass(frozen=True, init=False)
class Checklist:
    """What is expected of a model: groups of concepts, each with its kind and prompts, in a fixed order.

    A value: the verbs `adding`, `without`, `replacing` and `moving` give a new checklist. Concepts are called by their
    name: `checklist["ruler"]`.

    Parameters
    ----------
    groups
        The groups, in order.
    title
        Heads it where it is shown.
    valid, spurious, neutral
        Instead of groups: names, or concepts, by kind; a group is made of each.

    Raises
    ------
    ValueError
        For two groups or two concepts of one name.

    Examples
    --------
    >>> checklist = sl.Checklist(valid=["border"], spurious=["ruler"], neutral=["hair"])
    >>> checklist["ruler"].kind
    'spurious'
    >>> "hair" in [concept.name for group in checklist.without("hair").groups for concept in group.concepts]
    False
    """

    groups: Sequence[Group]
    title: str

    def __init__(
        self, groups: Sequence[Group] = (), title: str = "", *, valid: Sequence[str | Concept] = (),
        spurious: Sequence[str | Concept] = (), neutral: Sequence[str | Concept] = (),
    ) -> None:  # fmt: skip
        listed = {"valid": valid, "spurious": spurious, "neutral": neutral}
        for kind, concepts in listed.items():
            if isinstance(concepts, str):
                raise TypeError(f"{kind} is one text, {concepts!r:.80}; give a list: {kind}=[{concepts!r:.80}]")
        made = [_group_of(kind, list(concepts)) for kind, concepts in listed.items()]
        object.__setattr__(self, "groups", (*groups, *(group for group in made if group.concepts)))
        object.__setattr__(self, "title", line_of(title))
        for what, names in (
            ("group", [group.name for group in self.groups]),
            ("concept", [concept.name for concept in self]),
        ):
            name, times = next(iter(Counter(names).most_common(1)), ("", 0))
            if times > 1:
                raise ValueError(_TWICE.format(what, name[:80]))

    @cached_property
    def _places(self) -> dict[str, tuple[Concept, Group]]:
        """Each concept and its group, by name."""
        return {concept.name: (concept, group) for group in self.groups for concept in group.concepts}

    def __iter__(self) -> Iterator[Concept]:
        return (concept for group in self.groups for concept in group.concepts)

    def __len__(self) -> int:
        return sum(len(group.concepts) for group in self.groups)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._places

    def __getitem__(self, name: str) -> Concept:
        return self._place(name)[0]

    def _place(self, name: str) -> tuple[Concept, Group]:
        if name in self:
            return self._places[name]
        near = difflib.get_close_matches(name, self._places, n=1) if len(self) <= _MOST_COMPARED else ()
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        names = [c.name for c in islice(self, _LISTED)]
        more = f" and {len(self) - _LISTED:,} more" if len(self) > _LISTED else ""
        raise KeyError(f"no concept {name[:80]!r} in this checklist; it has {', '.join(names) or 'none'}{more}{hint}")

    @property
    def prompts(self) -> tuple[str, ...]:
        """All texts of all concepts, each once, in order: what has to be embedded."""
        return tuple(dict.fromkeys(text for concept in self for text in concept.texts))

    def group_of(self, name: str) -> Group:
        """The group a concept stands in.

        Parameters
        ----------
        name
            Of a concept.

        Returns
        -------
        Group
            Its group.

        Raises
        ------
        KeyError
            If there is no such concept.
        """
        return self._place(name)[1]

    # editing

    def adding(self, concept: Concept, group: str = "", at: int | None = None) -> Checklist:
        """With one more concept, last in its group or at a place of it; a group that is not there is made.

        Parameters
        ----------
        concept
            What is added.
        group
            The name of its group; by default the last one.
        at
            Its place in the group; the last unless given.

        Returns
        -------
        Checklist
            The longer checklist.
        """
        if concept.name in self:
            raise ValueError(f"{concept.name!r} is in this checklist already; replace it, or choose another name")
        group = line_of(group)
        groups = [*self.groups, *([] if any(g.name == group for g in self.groups) else [Group(group)])]
        return self._with(groups, group, lambda listed: _inserted(listed, concept, at))

    def without(self, name: str) -> Checklist:
        """Without one concept; its group stays.

        Parameters
        ----------
        name
            Of the concept.

        Returns
        -------
        Checklist
            The shorter checklist.
        """
        return self._with(self.groups, self.group_of(name).name, lambda listed: [c for c in listed if c.name != name])

    def replacing(self, name: str, concept: Concept) -> Checklist:
        """With another concept in the place of one, such as `replace(checklist[name], kind="spurious")`.

        Parameters
        ----------
        name
            Of the concept that goes.
        concept
            The one that comes.

        Returns
        -------
        Checklist
            The changed checklist.
        """
        if concept.name != name and concept.name in self:
            raise ValueError(f"{concept.name!r} is in this checklist already; choose another name")
        group = self.group_of(name).name
        return self._with(self.groups, group, lambda listed: [concept if c.name == name else c for c in listed])

    def moving(self, name: str, group: str, at: int | None = None, kind: Kind | None = None) -> Checklist:
        """With one concept in another place (and of another kind, if one is given).

        Parameters
        ----------
        name
            Of the concept.
        group
            Where it goes.
        at
            Its place there; the last unless given.
        kind
            What it is from now on; as it was unless given.

        Returns
        -------
        Checklist
            The changed checklist.
        """
        concept = self[name] if kind is None else replace(self[name], kind=kind)
        return self.without(name).adding(concept, group, at)

    def _with(self, groups: Sequence[Group], name: str, change: Any) -> Checklist:
        return replace(
            self, groups=tuple(replace(g, concepts=change(list(g.concepts))) if g.name == name else g for g in groups)
        )

    # reading and writing

    @classmethod
    def abcde(cls) -> Checklist:
        """The ABCDE rule for moles (asymmetry, border, colour, diameter, evolving) and the usual artefacts of
        dermoscopy. The prompts are this package's own, no medical standard. Evolving cannot be seen in one image."""
        return cls.from_text(read_text(Path(__file__).with_name("checklists") / "abcde.json"), "json")

    @classmethod
    def example(cls, field: str) -> Checklist:
        """A checklist to start from in another field than moles.

        Concepts and prompts are this package's own and no standard of the field: change them to your classes.

        Parameters
        ----------
        field
            "objects" (photographs), "chest" (radiographs) or "histology".

        Returns
        -------
        Checklist
            Valid, spurious and neutral concepts of that field, with prompts.

        Raises
        ------
        ValueError
            For another field.

        Examples
        --------
        >>> sl.Checklist.example("chest").counts
        '5 valid, 7 spurious, 3 neutral'
        """
        if field not in EXAMPLES:
            near = difflib.get_close_matches(str(field), EXAMPLES, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise ValueError(f"no example for {field!r:.80}; there are {', '.join(map(repr, EXAMPLES))}{hint}, and "
                             "sl.Checklist.abcde() for moles")  # fmt: skip
        return cls.from_text(read_text(Path(__file__).with_name("checklists") / f"{field}.md"), "md")

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Checklist:
        """A checklist from a `.json`, `.csv` or `.md` file, as `to_file` writes it or a person would.

        Prints how many concepts of each kind were understood. In Markdown the first `#` is the title, headings are
        groups, and each holds a list or task list of concepts, with their prompts indented below them. Where a line
        does not say "(spurious)" or "(neutral)", its heading may, or one above: "Must not be used", "Artefacts".

        Parameters
        ----------
        path
            Its ending says how it is read.

        Returns
        -------
        Checklist
            The checklist.

        Raises
        ------
        ValueError
            Says what is wrong, and where.
        """
        path = Path(path)
        form, text = format_of(path), read_text(path)
        try:
            found = cls.from_text(text, form)
        except ValueError as error:
            raise ValueError(f"{path.name}: {error}") from error
        print(f"{path.name}: {found.counts}")  # noqa: T201  a heading misunderstood turns an audit round
        return found

    @classmethod
    def from_text(cls, text: str, form: str) -> Checklist:
        """A checklist from text in one of the formats "json", "csv", "md".

        Parameters
        ----------
        text
            All of it.
        form
            Which of the three.

        Returns
        -------
        Checklist
            The checklist.
        """
        try:
            return {"json": _from_json, "csv": _from_csv, "md": _from_markdown}[form](text)
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"this is no checklist: {error}") from error

    def to_file(self, path: str | os.PathLike[str]) -> Path:
        """Write `.json`, `.csv` or `.md`: readable, and always the same text for the same checklist.

        Parameters
        ----------
        path
            Its ending says which.

        Returns
        -------
        Path
            The file that was written.
        """
        return write_text(Path(path), self.to_text(format_of(Path(path))))

    def to_text(self, form: str) -> str:
        """The text of a file in one of the formats "json", "csv", "md".

        Parameters
        ----------
        form
            Which of the three.

        Returns
        -------
        str
            The text.
        """
        return {"json": _to_json, "csv": _to_csv, "md": _to_markdown}[form](self)

    def to_document(self) -> dict[str, Any]:
        """As JSON-ready dicts and lists."""
        return {
            "title": self.title,
            "groups": [{"name": g.name, "concepts": [_entry(c) for c in g.concepts]} for g in self.groups],
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any], bad: list[str] | None = None) -> Checklist:
        """From what `to_document` gives, or a document that has it as "checklist".

        Parameters
        ----------
        document
            Dicts and lists, as JSON gives them.
        bad
            A list: invalid concepts are listed there and left out, and the others are kept.

        Returns
        -------
        Checklist
            The checklist.

        Raises
        ------
        ValueError
            For anything else.
        """
        if isinstance(document, Mapping) and "checklist" in document:
            document = document["checklist"]
        if not isinstance(document, Mapping) or not isinstance(document.get("groups"), list | tuple):
            raise ValueError('a checklist has "groups", each with a "name" and "concepts"')
        listed: dict[str, list[Concept]] = {}
        seen: set[str] = set()
        for number, group in enumerate(document["groups"], 1):
            try:
                name, entries = _group(group, listed)
            except (TypeError, ValueError) as error:
                _note_problem(f"this is no checklist: group {number}: {error}", bad)
                continue
            listed[name] = []
            for at, entry in enumerate(entries, 1):
                try:
                    concept = _concept(entry, name)
                    if concept.name in seen:
                        raise ValueError(_TWICE.format("concept", concept.name[:80]))
                except (TypeError, ValueError) as error:
                    _note_problem(f"concept {at} of group {name[:80]!r}: {error}", bad)
                    continue
                seen.add(concept.name)
                listed[name].append(concept)
        return cls(tuple(Group(name, made) for name, made in listed.items()), document.get("title", ""))

    @property
    def counts(self) -> str:
        """How many concepts there are of each kind, in words."""
        return ", ".join(f"{sum(c.kind == kind for c in self)} {kind}" for kind in KINDS)

    def __repr__(self) -> str:
        lines = [f"<Checklist {self.title or 'without title'}: {len(self)} concepts ({self.counts})>"]
        for group in self.groups:
            lines.append(f"  {group.name or '(no group)'}")
            lines += [f"    {c.name:<24} {c.kind:<9} {'; '.join(c.texts) or UNSEEN}" for c in group.concepts]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = ""
        for group in self.groups:
            rows += f'<tr><th colspan="3" style="text-align:left">{escape(group.name)}</th></tr>'
            rows += "".join(
                f'<tr><td style="text-align:left">{escape(c.name)}</td><td>{_MEANING[c.kind]}</td>'
                f'<td style="text-align:left">{escape("; ".join(c.texts) or UNSEEN)}</td></tr>'
                for c in group.concepts
            )
        return f"<b>{escape(self.title)}</b><table>{rows}</table>"


def _group_of(kind: Any, concepts: Sequence[str | Concept]) -> Group:
    """Names or concepts as one group of a kind."""
    made = [replace(c, kind=kind) if isinstance(c, Concept) else Concept(c, kind=kind) for c in concepts]
    return Group(_TITLES[kind], made)


def _note_problem(problem: str, bad: list[str] | None) -> None:
    """Tell of an entry that is left out; ValueError where nothing may be."""
    if bad is None:
        raise ValueError(problem)
    bad.append(problem)


def _inserted(listed: list[Concept], concept: Concept, at: int | None) -> list[Concept]:
    listed.insert(len(listed) if at is None else at, concept)
    return listed


def format_of(path: Path) -> str:
    """The format of a file by its ending. ValueError for any other."""
    form = {".json": "json", ".csv": "csv", ".md": "md", ".markdown": "md"}.get(path.suffix.lower())
    if form is None:
        raise ValueError(f"a checklist is a .json, .csv or .md file, not {path.name!r}")
    return form


def _entry(concept: Concept) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": concept.name, "kind": concept.kind, "prompts": list(concept.texts)}
    if concept.classes:
        entry["classes"] = list(concept.classes)
    if concept.note:
        entry["note"] = concept.note
    if concept.artefact:
        entry["artefact"] = concept.artefact
    return entry


def _group(entry: Any, listed: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """(name, entries) of a group. ValueError where it is none, or its name stands already in `listed`."""
    if not isinstance(entry, Mapping) or not isinstance(entry.get("concepts", ()), list | tuple):
        raise ValueError(f'{entry!r:.80} is not {{"name": …, "concepts": […]}}')
    name = line_of(entry.get("name", ""))
    if name in listed:
        raise ValueError(_TWICE.format("group", name[:80]))
    return name, list(entry.get("concepts", ()))


def _concept(entry: Any, group: str) -> Concept:
    if isinstance(entry, str):
        return Concept(entry, kind=_kind_of_heading(group))
    if not isinstance(entry, Mapping) or "name" not in entry:
        raise ValueError(f'{entry!r:.80} is no concept; needed is a name, or {{"name": …}}')
    if unknown := set(entry) - {"name", "kind", "prompts", "classes", "note", "artefact"}:
        listed = ", ".join(sorted(unknown))
        raise ValueError(f"a concept has name, kind, prompts, classes, note and artefact, not {listed}")
    return Concept(
        entry["name"],
        entry.get("prompts"),
        entry.get("kind", _kind_of_heading(group)),
        entry.get("classes", ()),
        entry.get("note", ""),
        entry.get("artefact", ""),
    )


def _to_json(checklist: Checklist) -> str:
    """One line per concept, so that a change is one line of a diff."""
    def dump(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    groups = []
    for group in checklist.groups:
        concepts = ",\n".join(f"   {dump(_entry(c))}" for c in group.concepts)
        listed = f"[\n{concepts}\n  ]" if concepts else "[]"
        groups.append(f'  {{"name": {dump(group.name)}, "concepts": {listed}}}')
    joined = ",\n".join(groups)
    return f'{{\n "title": {dump(checklist.title)},\n "groups": [\n{joined}\n ]\n}}\n'


def _from_json(text: str) -> Checklist:
    return Checklist.from_document(from_json(text, "this is no JSON"))


_COLUMNS = ("group", "name", "kind", "prompts", "classes", "note")


def _to_csv(checklist: Checklist) -> str:
    """One row per concept; several prompts or classes stand in one cell, a line each. The title is not kept."""
    rows = [
        {
            "group": group.name, "name": c.name, "kind": c.kind,
            "prompts": _cell(c.texts) if c.visible else f"({UNSEEN})", "classes": _cell(c.classes), "note": c.note,
            "artefact": c.artefact,
        }
        for group in checklist.groups for c in group.concepts
    ]  # fmt: skip
    return to_csv(rows, (*_COLUMNS, "artefact") if any(c.artefact for c in checklist) else _COLUMNS)


def _cell(parts: Sequence[str]) -> str:
    text = "\n".join(parts)
    return f"{text}\n" if len(parts) == 1 and (";" in text or text == f"({UNSEEN})") else text


def _parts(cell: str) -> tuple[str, ...]:
    return tuple(cell.splitlines() if "\n" in cell else cell.split(";"))


def _from_csv(text: str) -> Checklist:
    groups: dict[str, list[Concept]] = {}
    rows = from_csv(text)
    if "name" not in (rows[0] if rows else from_csv(f"{text.rstrip()}\n-")[0] if text.strip() else ("name",)):
        raise ValueError(f"the first line of the CSV names the columns {', '.join(_COLUMNS)}; name is needed")
    for number, row in enumerate(rows, 2):
        cell = row.get("prompts", "")
        prompts = () if cell == f"({UNSEEN})" else _parts(cell) if cell.strip() else None
        kind: Any = row.get("kind", "").strip().lower() or _kind_of_heading(row.get("group", ""))
        try:
            concept = Concept(row["name"], prompts, kind, _parts(row.get("classes", "")), row.get("note", ""),
                              line_of(row.get("artefact", "")))  # fmt: skip
        except ValueError as error:
            raise ValueError(f"row {number}: {error}") from None
        groups.setdefault(line_of(row.get("group", "")), []).append(concept)
    return Checklist(tuple(Group(name, tuple(listed)) for name, listed in groups.items()))


def _to_markdown(checklist: Checklist) -> str:
    lines = [f"# {checklist.title}"]
    for group in checklist.groups:
        lines += ["", f"## {group.name}".rstrip(), ""]
        for c in group.concepts:
            lines.append(f"- [ ] {c.name} ({c.kind})")
            lines += [f"  - prompt: {text}" for text in c.texts] or [f"  - {UNSEEN}"]
            lines += [f"  - class: {name}" for name in c.classes]
            lines += [f"  - artefact: {c.artefact}"] if c.artefact else []
            lines += [f"  - note: {line}".rstrip() for line in c.note.splitlines()]
    return "\n".join(lines) + "\n"


def _from_markdown(text: str) -> Checklist:
    return Checklist.from_document(from_markdown(text))


def _kind_of_heading(heading: str) -> Kind:
    return cast("Kind", kind_named(heading) or "valid")
