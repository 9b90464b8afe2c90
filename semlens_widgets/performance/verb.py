"""The verb: measures all images, every class, every subgroup, and the slices that components propose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from ..components import Components
from ..inference import holm
from ..intervals import Interval, of_few
from ..texts import plural
from .answers import Answers
from .estimates import difference, p_of_difference
from .measures import COMPARED, Measures, by_class, measure, reliability
from .metadata import Metadata
from .slices import Candidate, columns_of, strong
from .value import Gap, Performance, Slice, Subgroup

FEWEST = 10  # images on either side of a difference
_SHOWN = 5


def performance(
    answers: Answers,
    target: int | None,
    *,
    metadata: Metadata | None = None,
    candidates: Sequence[Candidate] = (),
    responses: Float[np.ndarray, "image row"] | None = None,
    components: Components | None = None,
    reliance: Mapping[int, float] | None = None,
    notes: Sequence[str] = (),
) -> Performance:
    """Measure answers over all images and over groups of them.

    target:     the class, by number; None for means over the classes (of two classes the last is meant).
    metadata:   columns for all images of the data set, by their numbers.
    candidates: components that propose slices; `responses` are those of `columns_of(candidates)`, image by image.
    reliance:   by image the share of the target's relevance that rests on spurious components.

    Groups are held against the images beside them: a subgroup against all others for which its column is stated, a
    slice against images in which the same components are weak; slices of concepts also within each subgroup.
    Differences of fewer than 10 images on either side are not looked at.
    """
    told = list(notes)
    if target is None and (answers.kind == "multi" or len(answers.classes) == 2):
        target = len(answers.classes) - 1
    parts = _subgroups(answers, metadata, told)
    pending: list[_Pending] = [
        _Pending(inside, outside, column=column, value=value) for column, value, inside, outside in parts
    ]
    pending += _slices(answers, candidates, responses, components, parts, told)
    measured = [_measured(answers, target, part) for part in pending]
    gaps, tests = _corrected(pending, measured)
    subgroups, slices = [], []
    for part, (inside, _), found in zip(pending, measured, gaps, strict=True):
        if part.candidate is None:
            rests, behind = _reliance(reliance, answers.ids[part.inside])
            subgroups.append(Subgroup(part.column, part.value, inside, found, rests, behind))
        else:
            names = tuple(str(components[row]) for row in part.candidate.rows) if components is not None else ()
            slices.append(
                Slice(part.candidate.name, part.candidate.kind, names, answers.ids[part.inside], inside, found,
                      part.where, part.told_apart)
            )  # fmt: skip
    return Performance(
        None if target is None else answers.classes[target], answers.kind, measure(answers, target), by_class(answers),
        reliability(answers, target), tuple(subgroups), tuple(slices), tests, _reliance(reliance, answers.ids)[0],
        tuple(told),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Pending:
    """Images to be held against others: of a value of a column, or of a candidate."""

    inside: Bool[np.ndarray, " image"]
    outside: Bool[np.ndarray, " image"]
    column: str = ""
    value: str = ""
    candidate: Candidate | None = None
    where: str = ""
    told_apart: bool = True


Part = tuple[str, str, Any, Any]


def _subgroups(answers: Answers, metadata: Metadata | None, notes: list[str]) -> list[Part]:
    """(column, value, its images, the others for which the column is stated)."""
    if metadata is None:
        return []
    notes += metadata.notes
    if left := metadata.left_out:
        notes.append(
            f"{', '.join(left[:_SHOWN])} {'has' if len(left) == 1 else 'have'} more values than groups can be made of"
        )
    made: list[Part] = []
    for column in metadata.columns:
        groups = {value: mask[answers.ids] for value, mask in metadata.groups(column).items()}
        stated = np.asarray([metadata.columns[column][i] is not None for i in answers.ids.tolist()], bool)
        if not stated.all() and groups:
            notes.append(f"{column} is not stated for {plural(int((~stated).sum()), 'image')}")
        if len([value for value, mask in groups.items() if mask.any()]) < 2:
            if groups:
                notes.append(f"{column} has one value only")
            continue
        made += [(column, value, mask, stated & ~mask) for value, mask in groups.items() if mask.any()]
    return made


def _slices(
    answers: Answers, candidates: Sequence[Candidate], responses: Any, components: Any, parts: Sequence[Part],
    notes: list[str],
) -> list[_Pending]:  # fmt: skip
    made: list[_Pending] = []
    columns = columns_of(candidates)
    few = []
    for candidate in candidates:
        shows, lacks, apart = strong(np.asarray(responses)[:, [columns.index(row) for row in candidate.rows]])
        if min(shows.sum(), lacks.sum()) < FEWEST:
            few.append(candidate.name)
            continue
        made.append(_Pending(shows, lacks, candidate=candidate, told_apart=apart))
        for column, value, inside, _ in parts if candidate.kind != "unexpected" else ():
            if min((shows & inside).sum(), (lacks & inside).sum()) >= FEWEST:
                where = f"{column}: {value}"
                made.append(_Pending(shows & inside, lacks & inside, "", "", candidate, where, apart))
    if few:
        listed = ", ".join(few[:_SHOWN]) + (" …" if len(few) > _SHOWN else "")
        notes.append(f"too few images to tell where {listed} is strong")
    return made


def _measured(answers: Answers, target: int | None, part: _Pending) -> tuple[Measures, Measures]:
    calibration = part.candidate is None
    return (
        measure(answers.only(part.inside), target, calibration=calibration),
        measure(answers.only(part.outside), target, calibration=False),
    )


def _corrected(
    pending: Sequence[_Pending], measured: Sequence[tuple[Measures, Measures]]
) -> tuple[list[tuple[Gap, ...]], int]:
    """(the differences of each part, how many tests they are): two halves of a column are one test, told twice."""
    found: list[list[Gap]] = []
    same: dict[tuple[str, bytes], int] = {}  # a measure and the images on one side → the number of its test
    p: list[float] = []
    numbers: list[list[int]] = []
    for part, (inside, outside) in zip(pending, measured, strict=True):
        gaps, at = [], []
        for name in COMPARED:
            a, b = inside.estimates.get(name), outside.estimates.get(name)
            enough = min(inside.images, outside.images) >= FEWEST
            if a is None or b is None or not enough or not np.isfinite([a.value, b.value]).all():
                continue
            sides = sorted((part.inside.tobytes(), part.outside.tobytes()))
            key = (name, b"|".join(sides))
            if key not in same:
                same[key] = len(p)
                p.append(p_of_difference(a, b))
            at.append(same[key])
            gaps.append(Gap(name, a.interval, b.interval, difference(a, b), p[same[key]], float("nan")))
        found.append(gaps)
        numbers.append(at)
    corrected = holm(np.asarray(p, np.float64))
    made = [
        tuple(replace(gap, p_family=float(corrected[number])) for gap, number in zip(gaps, at, strict=True))
        for gaps, at in zip(found, numbers, strict=True)
    ]
    return made, len(p)


def _reliance(reliance: Mapping[int, float] | None, ids: Any) -> tuple[Interval | None, int]:
    """(the mean share over those of the images for which it is known, how many these are)."""
    if reliance is None:
        return None, 0
    known = np.asarray([reliance[i] for i in np.asarray(ids).tolist() if i in reliance], np.float64)
    if not len(known):
        return None, 0
    found = of_few(known)
    return Interval(found.mean, max(found.low, 0.0), min(found.high, 1.0)), len(known)
