"""The comparison heatmap: concepts, models or layers against each other, and the pairs behind every cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import traitlets

from ..compare import ConceptTable, Series
from ..compare.concepts import column_name
from ..compare.order import cluster_order
from ..search import Matches, search
from ..session import Session
from ..session.compared import asked_words, concepts_of, probe_of
from ..session.comparing import compare_many
from .channel import Buffers, Job, Verb
from .common import HITS
from .compare import verbs_about
from .figure_button import as_file
from .view import Live, View, bound, texts
from .widget import LensWidget
from .wire import Answer

if TYPE_CHECKING:
    from ..figures import Figure

Of = Literal["concepts", "models", "layers"]
Measure = Literal["score", "z", "relevance", "components"]
Order = Literal["given", "value", "cluster"]
COUNTER = "heatmap_version"
VIEW = View(
    "comparison_heatmap",
    live={"concepts": Live.same("concepts", texts)},
    counters={"hits": HITS, "concepts": COUNTER, "relevance": COUNTER},
)
CLOSEST = 3  # components shown where a concept is not found


class ComparisonHeatmap(LensWidget, views=(VIEW,), bundle="comparison_heatmap"):
    """Several models side by side as one matrix, live with the first of them.

    Parameters
    ----------
    models
        Lenses by name, at least two, made with the same CLIP, crop and images.
    of
        "concepts" against models (or, with `by_layer`, against the layers of all models); "models" against models, how
        much of the row is in the column; "layers" of the first model against those of the second.
    concepts
        The words of the rows; those of the first lens unless given. Setting them changes the picture.
    measure
        Of concepts: "score" of the best component, its "z", the share of "relevance" that passes through the concept's
        carriers (`relate()` on every lens first), or how many "components" carry it.
    against
        A model's name: concepts are shown as differences to it, in colours with zero in the middle.
    order
        Rows and columns as "given", by "value", or "cluster": alike ones side by side.
    by_layer
        Concepts against the layers of all models.
    allow
        "data" where the models may have looked at different images, see `Lens.compare`.

    Notes
    -----
    All of these are live, as are `query`, `selection` and `cell`, the chosen (row, column) whose pairs are shown.

    Examples
    --------
    >>> one = sl.demo.lens("biased", n=100, progress=False)
    >>> two = sl.demo.lens("unbiased", n=100, progress=False)
    >>> view = sl.ComparisonHeatmap({"biased": one, "unbiased": two}, concepts=["ruler"])
    >>> view.table().concepts
    ('ruler',)
    """

    models: Any = traitlets.List(traitlets.Unicode(), read_only=True).tag(sync=True)
    of = traitlets.Enum(get_args(Of), "concepts").tag(sync=True)
    measure = traitlets.Enum(get_args(Measure), "score").tag(sync=True)
    order = traitlets.Enum(get_args(Order), "given").tag(sync=True)
    by_layer = traitlets.Bool(False).tag(sync=True)
    against = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    cell: Any = traitlets.List(
        traitlets.Int(), None, allow_none=True, minlen=2, maxlen=2, help="the chosen (row, column) as given, or None"
    ).tag(sync=True)

    def __init__(
        self,
        models: Mapping[str, Session],
        *,
        of: Of = "concepts",
        concepts: Sequence[str] | None = None,
        measure: Measure = "score",
        against: str | None = None,
        order: Order = "given",
        by_layer: bool = False,
        allow: str | Sequence[str] = (),
        **unknown: Any,
    ) -> None:
        if unknown:
            raise TypeError(f"ComparisonHeatmap has no parameter {', '.join(map(repr, unknown))}")
        if len(models) < 2:
            raise ValueError(f"{len(models)} model to compare; give at least two, as {{'a': lens, 'b': other}}")
        self.lenses = dict(models)
        self._allow = (allow,) if isinstance(allow, str) else tuple(allow)
        concepts_of(self.lenses, (), allow=self._allow)  # raises where they cannot be compared
        first = next(iter(self.lenses.values()))
        if concepts is not None:
            first.concepts = list(concepts)
        super().__init__(first)
        self.set_trait("models", list(self.lenses))
        self.of, self.measure, self.order, self.by_layer, self.against = of, measure, order, by_layer, against
        for session in list(self.lenses.values())[1:]:
            session.observe(self._explained, "relevance")

    def _explained(self, change: Any) -> None:
        self.ask_again(COUNTER)

    @traitlets.validate("against")
    def _valid_against(self, proposal: Any) -> str | None:
        name: str | None = proposal["value"]
        if name is not None and name not in self.lenses:
            raise ValueError(f"no model {name!r} here; there are {', '.join(map(repr, self.lenses))}")
        return name

    @traitlets.observe("of", "measure", "by_layer", "against", "concepts")
    def _another_matrix(self, change: Any) -> None:
        self.cell = None

    @cached_property
    def series(self) -> Series:
        """Every two of the models compared, made when first needed."""
        return compare_many(self.lenses, concepts=(), allow=self._allow)

    def table(self) -> ConceptTable:
        """The concepts in every model, or in every layer of every model."""
        return concepts_of(self.lenses, asked_words(self.lens), by_layer=self.by_layer, allow=self._allow)

    def close(self) -> None:
        """Close the window; it follows its lenses no longer."""
        if self._open:
            for session in list(self.lenses.values())[1:]:
                session.unobserve(self._explained, "relevance")
        super().close()

    def _as_text(self) -> str:
        return repr(self.table())

    def _picture(self) -> str:
        return self.figure(width_mm=150, theme="light").to_html(dpi=110)

    def figure(self, *, width_mm: float | int = 180, theme: str = "print") -> Figure:
        """The picture as it is now, for paper: `.save("x.pdf")`, `.svg` or `.png`, and `.caption()`.

        Parameters
        ----------
        width_mm
            Millimetres.
        theme
            "print", "light" or "dark".

        Returns
        -------
        Figure
            A figure to save or look at.
        """
        from ..figures import matrix

        spaces = {name: session.space for name, session in self.lenses.items()}
        return matrix(self.matrix(), spaces, width_mm=width_mm, theme=theme)

    def _verbs(self) -> dict[str, Verb]:
        def heatmap(args: dict[str, Any], buffers: Buffers, job: Job) -> Answer:
            return self.matrix()

        def cell(args: dict[str, Any], buffers: Buffers, job: Job) -> Answer:
            return self.behind(int(args["row"]), int(args["column"]))

        def select(args: dict[str, Any], buffers: Buffers, job: Job) -> Answer:
            self.lenses[args["model"]].selection = args["rows"]
            return {}

        def paper(args: dict[str, Any], buffers: Buffers, job: Job) -> Answer:
            made = self.figure(width_mm=float(args["width"]), theme=args["theme"])
            return as_file(made, "heatmap", args["format"])

        mine: dict[str, Verb] = {
            "heatmap": heatmap, "heatmap_cell": cell, "heatmap_select": select, "figure": paper,
        }  # fmt: skip
        about = verbs_about(lambda session: self.lenses)
        return super()._verbs() | {name: bound(verb, self.lens) for name, verb in about.items()} | mine

    def matrix(self) -> dict[str, Any]:
        """What is drawn: names of rows, columns and axes, values, which are not above chance, scale, words, orders."""
        if self.of == "concepts":
            return self._of_concepts()
        if self.of == "models":
            return self._of_models()
        return self._of_layers()

    def _of_concepts(self) -> dict[str, Any]:
        table = self.table()
        known = {name: session.relevance_shares for name, session in self.lenses.items()}
        shares = {name: share for name, share in known.items() if share is not None}
        missing = [name for name in self.lenses if name not in shares]
        values = {
            "score": table.scores,
            "z": table.z,
            "relevance": table.relevance(shares),
            "components": table.carriers.astype(float),
        }[self.measure]
        note = {
            "score": "Cosine of the best component with the concept.",
            "z": "How far the best component lies above random sets of images, in standard deviations.",
            "relevance": "Share of relevance of the components that carry the concept.",
            "components": "How many components carry the concept.",
        }[self.measure]
        above = {
            "score": "cosine of the best component",
            "z": "z of the best component",
            "relevance": "share of relevance through it",
            "components": "components that carry it",
        }[self.measure]
        if self.measure == "relevance" and missing:
            note += f" Call relate() on {', '.join(missing)}."
        weak = ~table.found
        if self.against is not None:
            base = [j for j, (model, _) in enumerate(table.columns) if model == self.against]
            if self.by_layer:
                at = [self._same_layer(table, j, base) for j in range(len(table.columns))]
                values = values - np.stack(
                    [values[:, a] if a is not None else np.full(len(values), np.nan) for a in at], 1
                )
            else:
                values = values - values[:, base]
            note, above = f"{note[:-1]}, minus that of {self.against}.", f"{above}, minus that of {self.against}"
        known = np.abs(values[np.isfinite(values)])
        top = float(known.max()) if len(known) else 1.0
        return self._drawn(
            table.concepts,
            [column_name(c) for c in table.columns],
            values,
            weak,
            corner="Concept",
            diverging=self.against is not None,
            domain=[-top, top] if self.against is not None else [min(0.0, float(np.nanmin(values, initial=0))), top],
            words=["weaker", "stronger"] if self.against is not None else ["none", "most"],
            weak_word="not found",
            note=note,
            marked=table.concepts.index(self.lens.query) if self.lens.query in table.concepts else None,
            axes=("", above),
        )

    @staticmethod
    def _same_layer(table: ConceptTable, column: int, base: list[int]) -> int | None:
        """The column of the model that is subtracted with the layer of this one, or None where it has no such layer."""
        return next((b for b in base if table.columns[b][1] == table.columns[column][1]), None)

    def _of_models(self) -> dict[str, Any]:
        series = self.series
        names = series.names
        chance = np.ones_like(series.similarity)
        weak = np.zeros(series.similarity.shape, bool)
        for i, row in enumerate(names):
            for j, column in enumerate(names):
                if i != j:
                    similarity = series[row, column].s_ab
                    chance[i, j], weak[i, j] = similarity.chance, similarity.low <= similarity.chance
        low = min(float(chance.min()), float(series.similarity.min()))
        return self._drawn(
            names, list(names), series.similarity, weak, corner="Model", domain=[low, 1.0],
            words=["unrelated", "identical"], weak_word="not above chance",
            note="How much of the row is in the column: mean of each component's best cosine.", symmetric=True,
            axes=("of", "how much is in"),
        )  # fmt: skip

    def _of_layers(self) -> dict[str, Any]:
        compared = self._first_two()
        low = min(compared.s_ab.chance, float(np.nanmin(compared.layers_ab)))
        return self._drawn(
            compared.a.components.layers, list(compared.b.components.layers), compared.layers_ab,
            compared.known_ab == 0,
            corner=f"{compared.names[0]} \\ {compared.names[1]}", domain=[low, 1.0], words=["unrelated", "identical"],
            weak_word="not above chance",
            note=f"Rows {compared.names[0]}, columns {compared.names[1]}: mean of each component's best cosine.",
            axes=compared.names,
        )  # fmt: skip

    def _first_two(self) -> Any:
        first, second, *_ = self.lenses
        return self.series[first, second]

    def _drawn(
        self,
        rows: Sequence[str],
        columns: list[str],
        values: np.ndarray,
        weak: np.ndarray,
        *,
        corner: str,
        domain: list[float],
        words: list[str],
        weak_word: str,
        note: str,
        diverging: bool = False,
        symmetric: bool = False,
        marked: int | None = None,
        axes: tuple[str, str] = ("", ""),
    ) -> dict[str, Any]:
        order_rows, order_columns = _orders(values, self.order, symmetric)
        return {
            "rows": list(rows),
            "columns": columns,
            "values": [[None if np.isnan(v) else float(v) for v in row] for row in values],
            "weak": weak.tolist(),
            "corner": corner,
            "kind": "diverging" if diverging else "sequential",
            "domain": domain,
            "words": words,
            "weak_word": weak_word,
            "note": note,
            "marked": marked,
            "axes": list(axes),
            "row_order": order_rows.tolist(),
            "column_order": order_columns.tolist(),
            "digits": {"z": 1, "components": 0}.get(self.measure, 2) if self.of == "concepts" else 2,
        }

    def behind(self, row: int, column: int) -> Answer:
        """The pairs behind a cell: two models, rows of both and their cosines; or rows of one model and scores.

        Behind a concept are its carriers (the closest components where it is not found), each beside its nearest in the
        model that is compared with: `against`, or the first.

        Parameters
        ----------
        row
            From 0, as given.
        column
            From 0, as given.

        Returns
        -------
        Answer
            What the browser shows.
        """
        if self.of == "concepts":
            return self._carriers(row, column)
        if self.of == "models":
            names = self.series.names
            if row == column:
                itself = {"title": names[row], "hint": "a model and itself", "a": names[row], "b": None}
                return itself | _pairs(*np.zeros((3, 0), np.int32))
            compared = self.series[names[row], names[column]]
            pairs = compared.pairs
        else:
            compared = self._first_two()
            layers = compared.a.components.layers[row], compared.b.components.layers[column]
            pairs = compared.between(*layers)
        title = " ↔ ".join(compared.names if self.of == "models" else layers)
        a, b = compared.names
        result = {"title": title, "hint": "mutual nearest, above chance", "a": a, "b": b}
        return result | _pairs(pairs.rows_a, pairs.rows_b, pairs.scores)

    def _carriers(self, row: int, column: int) -> Answer:
        table = self.table()
        model, layer = table.columns[column]
        concept, session = table.concepts[row], self.lenses[model]
        rows = table.carrying[row][column]
        place = column_name(table.columns[column])
        ranked = _ranked(self.lens, session, concept, layer)
        hint = f"components of {place} that carry it"
        if not len(rows):
            rows, hint = ranked.rows[:CLOSEST], f"not found in {place}; the closest"
        base = self.against or next(iter(self.lenses))
        if base == model:
            scores = dict(zip(ranked.rows.tolist(), ranked.scores, strict=True))
            own = np.array([scores[row] for row in rows.tolist()], np.float32)
            return {"title": concept, "hint": hint, "a": model, "b": None} | _pairs(rows, rows, own)
        near = self.series[model, base].ab
        at = np.searchsorted(near.rows, rows)
        result = {"title": concept, "hint": f"{hint}, each beside its nearest in {base}", "a": model, "b": base}
        return result | _pairs(rows, near.of_best("nearest")[at], near.of_best("scores")[at])


def _ranked(first: Session, session: Session, concept: str, layer: str | None) -> Matches:
    """All components of a model by a concept, in the words of the first."""
    return search(session.space, probe_of(first, concept), top=None, layer=layer, centre=first.probe_cache.centre)[0]


def _pairs(rows_a: np.ndarray, rows_b: np.ndarray, scores: np.ndarray) -> Answer:
    return {"rows_a": rows_a, "rows_b": rows_b, "scores": scores}


def _orders(values: np.ndarray, order: str, symmetric: bool) -> tuple[np.ndarray, np.ndarray]:
    """The order of rows and of columns; the same for both where rows and columns are the same things."""
    rows, columns = np.arange(values.shape[0]), np.arange(values.shape[1])
    filled = np.where(np.isfinite(values), values, -np.inf)
    if order == "given" or not values.size:
        return rows, columns
    if order == "value":
        by_row = np.argsort(-filled.max(1), kind="stable")
        return by_row, by_row if symmetric else columns
    if symmetric:
        both = cluster_order((values + values.T) / 2)
        return both, both
    return cluster_order(values), cluster_order(values.T)
