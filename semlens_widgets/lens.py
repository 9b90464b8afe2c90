"""The lens: what a notebook holds. A model, its images and a CLIP; the verbs as methods, the state as traits.

The work behind each verb is a function of the session; see `semlens_widgets.session`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from . import store
from .artefacts import Artefact
from .attribution.values import Method
from .audit import AuditReport, Robustness, TrainingImages
from .checklist import Checklist
from .circuit import Circuit
from .clip import TEMPLATES, Clip
from .compare import Comparison, ConceptTable
from .components import Component
from .counterfactual import Counterfactual
from .describe import CONFIDENCE, Labels
from .dossier import Dossier
from .effect import DRAWS, Effect
from .evaluate import Evaluation, OnStep
from .explain import Explanation
from .faithfulness import Faithfulness
from .images import Images, reading_with
from .labelers import Labeler
from .layout import NEIGHBOURS, SAMPLE, Layout, OnTick
from .model import Layers, Pooling, resolve
from .outputs import Chosen, Kind
from .performance import Performance
from .plan import Plan
from .readers import Agreement, Reading
from .relevance import Relevance, Target
from .repair import How, Recipe, Repair
from .report import Report
from .report.session import document
from .role import Role
from .search import Evidence, Matches
from .sections import Measurement
from .session import (
    acting,
    auditing,
    comparing,
    counterfactuals,
    describing,
    explaining,
    file,
    fitting,
    mapping,
    performing,
    planning,
    ranking,
    reading,
    repairing,
    robust,
    searching,
)
from .session.counterfactuals import PAIRS
from .session.explaining import Picture
from .session.probes import ProbeCache, QueryLike
from .session.session import Session
from .session.source import SAMPLED, Crop, Kept, Source
from .signing import Key
from .space import SemanticSpace
from .store import SemlensFileError
from .switching import By
from .targets.given import Targetlike
from .verdicts import Verdicts
from .verify import Verification
from .warned import Renamed, renamed_parameters

if TYPE_CHECKING:
    import torch

    from .figures import Figure
    from .widgets import Window

Self = TypeVar("Self", bound="Lens")
Names = str | Sequence[str]


class Lens(Session):
    """A model seen through its images and a CLIP.

    Making one is cheap; `fit()` does the work (once: the result is cached under a hash of model, images, layers,
    parameters and CLIP). Then `search` and the other verbs answer, and the traits are live: setting `query` sets
    `hits`; `layer` restricts them to one layer; `selection` is the list of chosen components.

    Parameters
    ----------
    model
        The torch module.
    images
        `images(...)`: the one data set model and CLIP both look at.
    layers
        Module names, wildcards such as "layer4.*", or `Layer(...)` for encoders, signs, tokens.
    clip
        `OpenClip(...)` or any object with the `Clip` protocol.
    k
        Examples per component (the paper: 30).
    pooling
        "max" or "mean" over places.
    crop
        "activation" crops examples to the region that excites the component; "crp" to the region its relevance comes
        from (slower, see `sl.crop`); "attention" of heads to what they attend to; None shows all that the model saw.
        Tight crops lose size and outline, whole images blur small concepts together.
    threshold
        Share of the map's maximum from which a place belongs to the region that is cropped to.
    templates
        Sentences a text query is put into, each with one "{}".
    centre
        Subtract each layer's mean vector before comparing, instead of the null probe of the paper.
    vocabulary
        Words the windows offer.
    null
        Random images that say what chance looks like.
    sample
        Random images on which the responses of all components are kept, and which the CLIP sees whole: for search by
        all activations, and to check answers on images that are no examples of theirs (0: none, answers rest on the
        examples alone).
    responses
        Another number of such images: "all", so many, False for none; "auto" as `sample` says. Four bytes for each
        component and image, and one more image through the CLIP. A concept that one image in a hundred shows needs some
        thousands of them.
    seed
        Draws both.
    output
        Which part of the model's answer holds its class scores, by name or number, or a function that gives it; by
        default what is called `logits`, or the only tensor [image class] there is.
    outputs
        What the scores mean: "single" (one class per image), "binary" (one logit, two classes), "multi" (several labels
        at once), "regression" (numbers); by default what is certain. `lens.outputs` is what was decided.
    name
        What the model is called in windows and files; its class's name unless given.

    Notes
    -----
    The verbs of a lens, in the order in which one meets them:

    begin:    fit, plan, show
    meaning:  search, describe, verify, evaluate, role, column, rank, compute_layout
    reasons:  explain, circuit, relate, check_relevance
    models:   compare, overlay, concept_table
    audit:    audit, judge, withdraw, undo, redo, training_images, without, with_, effect, counterfactual, robustness
    readers:  begin_reading, finish_reading, agreement, settle
    how well: performance, repair
    hand in:  document, write_report, figure, to_html, to_site, link, save, keep_audit, to_file, of_space

    Examples
    --------
    >>> data = sl.images(sl.demo.images(60), transform=sl.demo.transform())
    >>> clip = sl.OpenClip(sl.demo.clip_folder())
    >>> mine = sl.Lens(sl.demo.classifier(), data, layers=["layer4"], clip=clip, k=5, crop=None)
    >>> mine.fit(progress=False).components.layers
    ('layer4',)
    """

    def __init__(
        self, model: torch.nn.Module, images: Images, layers: Layers, clip: Clip, *, k: int = 30,
        pooling: Pooling = "max", crop: Crop = "activation", threshold: float = 0.01, templates: Names = TEMPLATES,
        centre: bool = False, vocabulary: str | Path | Sequence[str] = (), null: int = 500, sample: int = SAMPLED,
        responses: Kept = "auto", seed: int = 0, output: Chosen = None, outputs: Kind | None = None,
        name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        source = Source(
            model, images, resolve(model, layers), clip, k, pooling, crop, threshold, null, seed, sample, responses,
            output, outputs,
        )  # fmt: skip
        probes = ProbeCache(clip, templates, centre, images.value_range)
        self._start(source, probes, vocabulary, name or type(model).__name__)

    def fit(
        self: Self, *, relevance: bool = False, batch_size: int = 64, fast: bool = False, thumbnail: int = 128,
        cached: bool = True, progress: bool = True, executor: Executor | None = None,
        devices: Sequence[str] | None = None, factory: Callable[[], Any] | None = None,
        folder: str | os.PathLike[str] | None = None, workers: int | None = None,
    ) -> Self:  # fmt: skip
        """Collect examples, crop and embed them; what was done before is read from the cache.

        Interrupt it any time: the next `fit` goes on where it was last saved. Where the cache cannot be written, a
        warning says so and the work goes on. Images that cannot be read are skipped, warned about and listed in
        `unreadable`. A checklist, verdicts and labels that were kept for the same lens are there again: `audit_notice`
        says so.

        Parameters
        ----------
        relevance
            Also call `relate()`.
        batch_size
            Images that run through the model at once.
        fast
            Run a copy with batch norms folded in, see `collect`.
        thumbnail
            The longest side of the pictures kept, in pixels.
        cached
            False neither reads nor writes the cache.
        progress
            Show bars.
        executor
            A `concurrent.futures.Executor`: `Client(…).get_executor()` of Dask, or a `ProcessPoolExecutor` that spawns.
            Workers need the same libraries, and see the images and `folder` under the same paths.
        devices
            A process for each, on this machine: `["cuda:0", "cuda:1"]`.
        factory
            A function without arguments that makes the model in workers, where it cannot be pickled or is large.
        folder
            Where finished shards lie until all is done; the cache folder unless given.
        workers
            Processes that read the images, by torch's DataLoader; 0 reads in threads of this process, or in the thread
            that asks where the data set may be an open file. By default processes for 10,000 files and more where there
            are five processors or more, else 0. What is found is the same.

        Returns
        -------
        Lens
            The lens itself.

        Raises
        ------
        TypeError
            For what is no executor or device, and for a model that cannot travel.
        ValueError
            For what is no executor or device, and for a model that cannot travel.
        RuntimeError
            For workers with other versions, images or weights.

        Notes
        -----
        A worker that dies costs its shard; whatever ends the fit, another one goes on with the shards that are
        finished.

        `executor` and `devices` do the work in shards, with the same result to the bit on the same kind of processor.

        Examples
        --------
        >>> lens.fit(progress=False) is lens
        True
        """
        elsewhere = fitting.Elsewhere(executor, devices, factory, folder)
        with reading_with(workers):
            fitting.fit(self, relevance, batch_size, fast, thumbnail, cached, progress, elsewhere)
        return self

    def plan(self, *, relevance: bool = False, batch_size: int = 64, thumbnail: int = 128) -> Plan:
        """What `fit` with these settings will cost, from a trial on some images: at most three batches, or one image in
        thirty.

        Counts, bytes on disk, memory, and the time of each stage in one process here, as if nothing was cached. `fit`
        says the same first, where it shows its progress. Of a stream all images are read, to know how many there are.

        Parameters
        ----------
        relevance, batch_size, thumbnail
            Those of `fit`.

        Returns
        -------
        Plan
            What the fit will cost; prints as a table.

        Examples
        --------
        >>> print("It will take", lens.plan())
        It will take ... images · ... components · ...
        """
        return planning.plan(self.source, relevance=relevance, batch_size=batch_size, thumbnail=thumbnail)

    def show(self) -> Window:
        """The lens as one window with all its views, live with this object both ways.

        Returns
        -------
        Window
            The window; in a notebook, the last line of a cell shows it.

        Examples
        --------
        >>> window = lens.show()
        >>> lens.query = "ruler"  # the window follows
        """
        from .widgets import Window

        return Window(self)

    # what components stand for

    def search(
        self, query: QueryLike, *, negative: Names | None = None, top: int | None = 20, layer: Names | None = None,
        templates: Names | None = None, centre: bool | None = None, by: Evidence = "both",
    ) -> Matches | list[Matches]:  # fmt: skip
        """Which components encode this? One query gives `Matches`, a list of texts a list of them.

        Parameters
        ----------
        query
            A text; a list of texts, each by itself; a PIL picture or the file of one, or several pictures (one probe,
            their mean); a component of this lens, as `Component` or as "layer4:57", which finds others like it and is
            no hit itself. In a text, commas separate terms, which are searched as one (the mean of their probes); those
            that begin with "-" are pushed away from, as in "hair, -ruler".
        negative
            One or several words to push away from.
        top
            How many hits to keep, best first; None for all.
        layer
            One or several layers to look in; None for all.
        templates, centre
            Those of the lens unless given.
        by
            "examples": components whose strongest examples show it; "activations": those that answer more strongly to
            images that show it than to others, over all images whose responses were kept, which finds what very many
            images show; "both".

        Returns
        -------
        Matches or list[Matches]
            The answer: `found` or not, and hits with component, score (cosine, -1 to 1), z and p. A list of texts gives
            a list of answers.

        Raises
        ------
        ValueError
            For an empty query.
        KeyError
            For an unknown layer or component.
        TypeError
            For what cannot be searched.

        Examples
        --------
        >>> answer = lens.search("ruler")
        >>> answer.found
        True
        >>> lens.search("asymmetric shape").found
        False
        >>> [each.probe for each in lens.search(["ruler", "hair"])]
        ['ruler', 'hair']
        """
        return searching.search(self, query, negative, top, layer, templates, centre, by)

    def describe(
        self, words: str | Path | Sequence[str] | None = None, k: int = 3, method: str | Labeler = "mean", *,
        level: float = CONFIDENCE, distinct: bool = False, templates: Names | None = None, centre: bool | None = None,
        on_step: OnStep | None = None,
    ) -> Labels:  # fmt: skip
        """Label every component with the k best words of a vocabulary, or say that none explains it.

        Parameters
        ----------
        words
            A list, a text file with one word per line, "common" or "dermoscopy" (lists that come with the package);
            None takes the lens's own vocabulary, or "common" where it has none. A large vocabulary is embedded once and
            kept in the cache.
        k
            Words kept for each component.
        method
            A labeler, by name ("mean", "soft-wpmi", "contrast", "linear") or a function. All but "mean" look at the
            space's sample of activations.
        level
            The confidence below which a label is withheld, 0 to 1.
        distinct
            Look for words that set a component apart from its neighbours.
        templates, centre
            Those of the lens unless given.
        on_step
            Called with (steps done, steps in all); when it raises, nothing changes.

        Returns
        -------
        Labels
            The labels; they are also in `labels`, and every window shows them.

        Examples
        --------
        >>> labels = lens.describe(["ruler", "hair", "blue patch"], k=1)
        >>> len(labels.to_rows()) == int(lens.space.alive.sum())
        True
        """
        return describing.describe(
            self, words, k, method, level=level, distinct=distinct, templates=templates, centre=centre, on_step=on_step
        )

    def verify(
        self, labels: Labels | None = None, images: Images | None = None, *, strongest: float = 0.05,
        rounds: int = 200, progress: bool = True,
    ) -> Verification:  # fmt: skip
        """Hold labels (default: the last ones) against real activations on held-out images.

        Parameters
        ----------
        labels
            What `describe` gave; the last ones unless given.
        images
            Pictures that the labels were not made from, as `sl.images(...)` with the model's transform; needs the
            model. None takes the space's own sample, in which each component's own examples do not count.
        strongest
            The share of images that counts as responding.
        rounds
            Of the bootstrap.
        progress
            Show a bar.

        Returns
        -------
        Verification
            How well each component's best word predicts its activations; also in `verification`.

        Raises
        ------
        ValueError
            Before `describe`.

        Examples
        --------
        >>> _ = lens.describe(["ruler", "hair", "blue patch"])
        >>> sorted(lens.verify(rounds=50, progress=False).summary())
        ['accepted', 'all']
        """
        return describing.verify(self, labels, images, strongest, rounds, progress)

    def evaluate(self, clip: Any = None, *, progress: bool = True, on_step: OnStep | None = None) -> Evaluation:
        """Clarity, redundancy and polysemanticity of every component, with their null levels; also in `evaluation`.

        Parameters
        ----------
        clip
            Another image model for the scores than for the words (the paper takes a vision-only one here), any object
            with the `Clip` protocol: the same examples are embedded with it, which needs the images.
        progress
            Show a bar.
        on_step
            Called with (done, in all) now and then; what it raises ends the work, and nothing changes.

        Returns
        -------
        Evaluation
            The scores of every component, beside those of random images.

        Examples
        --------
        >>> scores = lens.evaluate(progress=False)
        >>> bool((scores.raw.clarity[lens.space.alive] <= 1).all())
        True
        """
        return describing.evaluate(self, clip, progress=progress, on_step=on_step)

    def role(self, component: int | str | Component) -> Role:
        """What a component does: its labels, the classes it speaks for and against, what feeds it and what it feeds.

        Each part is there as far as it is known: labels after `describe`, classes after `fit(relevance=True)` or
        `relate`, and the streams of relevance where model and images are at hand.

        Parameters
        ----------
        component
            A row, "layer4:57" or a `Component`.

        Returns
        -------
        Role
            What is known of it; prints as a sentence.

        Examples
        --------
        >>> print(lens.role("layer4:57"))  # doctest: +ELLIPSIS
        layer4:57...
        """
        return explaining.role(self, component)

    def column(self, name: str) -> np.ndarray:
        """One number of every component [component], NaN where it has none.

        Parameters
        ----------
        name
            "density" (share of the images that excite it, with a response other than 0), "peak" and "mean" (its
            strongest and its mean response); "confidence" and "margin" of its label; "clarity", "redundancy",
            "polysemanticity"; "relevance" (its share of the layer's, for `target` or the first class).

        Returns
        -------
        array
            One number for each row; NaN where there is none.

        Raises
        ------
        ValueError
            For another name, and for what is not computed yet.

        Examples
        --------
        >>> density = lens.column("density")
        >>> density.shape == (len(lens.components),)
        True
        """
        return ranking.column(self, name)

    def rank(
        self, by: str | None = None, *, descending: bool = True, layer: Names | None = None, alive: bool | None = None,
        density: tuple[float | None, float | None] | None = None, examples_of: str | None = None,
    ) -> list[Component]:  # fmt: skip
        """Components in the order of a number, those that pass all filters: what the gallery lists.

        Parameters
        ----------
        by
            A name of `column`; None: the hits of `query` as they stand, without a query all in their order.
        descending
            The largest first.
        layer
            Of one or several layers alone.
        alive
            True: those that some image excites; False: those that are never active on these images.
        density
            (least, most) share of images that excite it, either None.
        examples_of
            A class of the images that at least one of its strongest examples is of.

        Returns
        -------
        list[Component]
            The components.

        Notes
        -----
        Components without that number come last. ValueError as `column`; KeyError for an unknown layer or class.

        Examples
        --------
        >>> first = lens.rank("density", layer="layer4")[0]
        >>> first.layer
        'layer4'
        """
        return ranking.rank(self, by, descending, layer, alive, density, examples_of)

    @renamed_parameters(asked="on_tick")
    def compute_layout(
        self, method: str = "umap", *, seed: int = 0, neighbours: int = NEIGHBOURS, sample: int | None = SAMPLE,
        on_tick: OnTick | None = None,
    ) -> Layout:  # fmt: skip
        """Place all components in a plane, similar ones near each other; every map shows it, and files keep it.

        Parameters
        ----------
        method
            "umap", the same for the same seed (its first use takes half a minute, 20,000 components a minute more), or
            "pca", at once. A map that is opened starts UMAP by itself, in the background.
        seed
            Of UMAP.
        neighbours
            How many of each component UMAP keeps near it.
        sample
            Of more components UMAP lays out so many and places the others among them, a preview; None: all, however
            long it takes.
        on_tick
            Called now and then while UMAP runs; what it raises ends the work.

        Returns
        -------
        Layout
            A place for each component, in [0, 1]; also in `layout`.

        Raises
        ------
        ValueError
            For a method that is neither, or UMAP of fewer than ten living components.

        Examples
        --------
        >>> lens.compute_layout("pca").positions.shape == (len(lens.components), 2)
        True
        """
        return mapping.compute_layout(self, method, seed=seed, neighbours=neighbours, sample=sample, on_tick=on_tick)

    lay_out = Renamed("compute_layout")

    # what carries predictions

    def explain(
        self, image: Picture, target: Targetlike = None, *, method: Method = "auto", layers: Layers | None = None,
        on_step: OnStep | None = None,
    ) -> Explanation:  # fmt: skip
        """Which components carried a prediction, where in the picture, and through which others.

        Parameters
        ----------
        image
            A number of the data set, the name of one of its images, a file, or a PIL picture.
        target
            A class by name or number, a value of `sl.targets` (a place of a segmentation, a box, a text, …), a function
            of the class scores [image class] (of the model's whole answer where it has none) that gives one number per
            image, or None for what the model predicts. See `sl.explain`.
        method
            "auto" takes what agrees best with switching components off, measured once on a few pictures of the data
            set. By name: "gradient" (activation × gradient), "integrated" (the same on the way to being off: nearer, 16
            passes a layer), "ablation" (the exact effect, a pass for every component), "lrp" and its kin, a
            `sl.Composite`, or "zennit" (slow, for torchvision's VGG and ResNets only).
        layers
            By default those of the lens, so that rows are the lens's own.
        on_step
            Called with (passes done, in all); what it raises ends the work.

        Returns
        -------
        Explanation
            The relevance of every component, with heatmaps and circuits as they are asked for; also in `explanation`.

        Raises
        ------
        KeyError
            With the nearest name for an unknown class or image.
        RuntimeError
            For a lens from a file, which has no model.

        Notes
        -----
        The model is left as it was.

        Examples
        --------
        >>> why = lens.explain(3)
        >>> why.target in why.classes
        True
        >>> len(why.top(5))
        5
        """
        return explaining.explain(self, image, target, method=method, layers=layers, on_step=on_step)

    def circuit(
        self, target: Targetlike, top: int = 4, depth: int = 3, *, images: int = 32,
        method: Method = "auto", layers: Layers | None = None, on_step: OnStep | None = None,
    ) -> Circuit:  # fmt: skip
        """How components feed each other for a class: the circuit averaged over some of its images.

        The images are the first `images` ones of the data set that bear the label, or, without labels that fit the
        model's outputs, that the model predicts to be of the class: those sampled in `relevance`, which then must have
        been computed. Of a value of `sl.targets` or a function they are those in which it is highest, of (at most 512
        of) the data set. See `Circuit` for what the numbers mean, `explanation.circuit()` for one prediction.

        Parameters
        ----------
        target
            As in `explain`.
        top
            Components per level.
        depth
            How many levels.
        images
            How many images it is averaged over, at most.
        method, layers, on_step
            As in `explain`.

        Returns
        -------
        Circuit
            Nodes and edges, as shares of the highest layer's relevance.

        Examples
        --------
        >>> _ = lens.relate(progress=False)
        >>> circuit = lens.circuit("melanoma", top=2, images=4)
        >>> circuit.target
        'melanoma'
        """
        return explaining.circuit(self, target, top, depth, images, method, layers, on_step)

    def relate(
        self, *, target: Target | Targetlike = "auto", method: Method = "auto", k: int = 8, sample: int | None = None,
        batch_size: int = 16, cached: bool = True, progress: bool = True, on_step: OnStep | None = None,
    ) -> Relevance:  # fmt: skip
        """Each component's relevance for each class, over the whole data set: sets and returns `relevance`.

        One pass, cached by content and resumable like `fit`; `save` keeps it in the file.

        Parameters
        ----------
        target
            Which class an image is explained for: "label", "predicted", "auto", one class for all, or a value of
            `sl.targets` or a function, which then is the only class that is known.
        method
            As in `explain`.
        k
            Most relevant images kept per class and component.
        sample
            Images whose relevances are kept per class: see `sl.relevance`.
        batch_size
            Images that run at once.
        cached
            Keep the answer in the cache, and take it from there.
        progress
            Show a bar.
        on_step
            Called with (images done, images in all) after each batch; what it raises ends the pass.

        Returns
        -------
        Relevance
            The relevance of each component for each class.

        Examples
        --------
        >>> relevance = lens.relate(progress=False)
        >>> relevance.classes
        ('nevus', 'melanoma')
        """
        return explaining.relate(
            self, target=target, method=method, k=k, sample=sample, batch_size=batch_size, cached=cached,
            progress=progress, on_step=on_step,
        )  # fmt: skip

    def check_relevance(
        self, n: int = 8, *, methods: Sequence[Method] | None = None, layers: Layers | None = None, sample: int = 32,
        cached: bool = True, on_step: OnStep | None = None,
    ) -> Faithfulness:  # fmt: skip
        """Does relevance say what switching off does? Measured on n pictures, each for its predicted class.

        Per method and layer: how much of the logit arrives, Pearson and Spearman correlation of relevance with the drop
        of the logit when each of some components is set to zero, and held at its mean; and the share of right signs;
        for heatmaps a deletion test. All with 95 % intervals. Two passes from its layer on for every component and
        picture; `explanation.faithfulness` is the same for one picture.

        Parameters
        ----------
        n
            How many pictures are measured.
        methods
            By default those that "auto" holds against each other.
        layers
            Those to measure; the lens's own by default.
        sample
            Components of a layer that are switched off, at most: half those with the largest activation × gradient,
            half drawn at random.
        cached
            Keep the answer in the cache, and take it from there.
        on_step
            Called with (done, in all) now and then; what it raises ends the work.

        Returns
        -------
        Faithfulness
            Agreement of each method with switching off, per layer.

        Examples
        --------
        >>> found = lens.check_relevance(n=2, methods=["gradient"], layers=["layer4"], sample=8)
        >>> found.methods
        ('gradient',)
        """
        return explaining.faithfulness(self, n, methods, layers, sample, cached, on_step)

    # other models

    def compare(
        self, other: Session | SemanticSpace, *, name: str | None = None, allow: str | Collection[str] = (),
        centre: bool = True, seed: int = 0,
    ) -> Comparison:  # fmt: skip
        """What this model (A) and another (B) share, and what only one of them knows; open windows follow.

        Both must be made with the same CLIP, crop and images, for else the answer means nothing.

        Parameters
        ----------
        other
            A lens, also one opened from a file, or a bare space.
        name
            What it is called here; its own name unless given.
        allow
            "data" compares over different images all the same, and the answer says so.
        centre
            False leaves in what all random images have in common, which brings every two models close to each other and
            to chance.
        seed
            Draws the bootstrap and the random spaces.

        Returns
        -------
        Comparison
            Pairs, and what only one of the two has; also in `comparison`.

        Raises
        ------
        ValueError
            Where CLIP, crop or images differ, naming what does.
        NotFitted
            Before `fit`.

        Examples
        --------
        >>> found = lens.compare(lens.space, name="itself")
        >>> found.a_only
        []
        """
        return comparing.compare(self, other, name, allow=allow, centre=centre, seed=seed)

    @renamed_parameters(asked="on_tick")
    def overlay(
        self, method: str = "pca", *, seed: int = 0, sample: int | None = SAMPLE, on_tick: OnTick | None = None
    ) -> tuple[Layout, Layout]:
        """This model and `other` in one plane, alike components near each other; the window's map shows it.

        Parameters
        ----------
        method
            "pca" (at once) or "umap".
        seed, sample, on_tick
            As in `sl.Lens.compute_layout`.

        Returns
        -------
        tuple[Layout, Layout]
            The places of this model's components, and those of the other's.

        Raises
        ------
        ValueError
            Before `compare`.

        Examples
        --------
        >>> _ = lens.compare(lens.space, name="itself")
        >>> ours, theirs = lens.overlay("pca")
        >>> ours.positions.shape == theirs.positions.shape
        True
        """
        return comparing.overlay(self, method, seed=seed, sample=sample, on_tick=on_tick)

    def concept_table(self, words: Names | None = None, *, by_layer: bool = False) -> ConceptTable:
        """Who knows which of the words: this model, and `other` where there is one.

        Parameters
        ----------
        words
            One or several; the lens's `concepts` unless given.
        by_layer
            Give every layer a column of its own.

        Returns
        -------
        ConceptTable
            One row for each word.

        Examples
        --------
        >>> table = lens.concept_table(["ruler", "hair"])
        >>> table.concepts
        ('ruler', 'hair')
        """
        return comparing.own_concept_table(self, words, by_layer=by_layer)

    # auditing

    @renamed_parameters(still="min_effect")
    def audit(
        self, checklist: Checklist | str | os.PathLike[str] | None = None, target: Targetlike = None, *,
        level: float | None = None, margin: float | None = None, used: float | None = None,
        min_effect: float | None = None, layer: Names | None = None, relevance: bool = True, progress: bool = True,
        counterfactual: bool | Mapping[str, Any] | None = None,
    ) -> AuditReport:  # fmt: skip
        """Hold the model against a checklist: what it knows, uses, and must not use. Also in `report`.

        Parameters
        ----------
        checklist
            A `Checklist`, a file of one, or None for the lens's own.
        target
            The class that is explained, by name or number; None for the one audited last. A value of `sl.targets` or a
            function makes a pass of its own, `relate(target=…)`, and is its one class.
        level, margin, used, min_effect
            See `Thresholds`; None for those of the last audit.
        layer
            Audit one or several layers only; None for all.
        relevance
            Compute each component's relevance first (one pass over the images, cached) where the lens has model and
            images and it is not known yet; without it the answer has regions and no shares.
        progress
            Show a bar.
        counterfactual
            Concepts to prove by drawing them onto pictures: {"ruler": sl.artefacts.Ruler()}, or pairs as
            `counterfactual` takes them; True for all concepts that name an artefact. The answers stand beside "found"
            and "used" of these concepts, in the window and the report, too.

        Returns
        -------
        AuditReport
            What was found, concept by concept and component by component.

        Raises
        ------
        ValueError
            Where there is no checklist or class to audit.
        KeyError
            For an unknown class or layer.

        Notes
        -----
        With `relevance` the model is asked about the sampled images as well, and the report says what it would have
        missed: `report.limit`. Setting `checklist`, `audit_target` or `audit_level` audits again at once.

        Examples
        --------
        >>> checklist = sl.Checklist(valid=["irregular border"], spurious=["ruler"], neutral=["hair"])
        >>> report = lens.audit(checklist, target="melanoma", progress=False)
        >>> report["ruler"].concept.kind
        'spurious'
        """
        return auditing.audit(
            self, checklist, target, p=level, margin=margin, used=used, min_effect=min_effect, layer=layer,
            relevance=relevance, progress=progress, counterfactual=counterfactual,
        )  # fmt: skip

    def judge(
        self, subjects: str | Component | Sequence[str | Component], decision: str | None = None, *,
        label: str | None = None, note: str | None = None,
    ) -> Verdicts:  # fmt: skip
        """Decide about components ("layer4:64") or concepts ("@ruler"), one or many in one step; `auditor` says who.

        Parameters
        ----------
        subjects
            One of them, or several.
        decision
            "valid", "spurious", "neutral" or "unsure".
        label
            What you call it; an empty one takes it back.
        note
            Why, in words.

        Returns
        -------
        Verdicts
            All verdicts; also in `verdicts`.

        Raises
        ------
        KeyError
            For a component or concept that is not there.

        Notes
        -----
        What is not given stays as it was said last.

        Examples
        --------
        >>> verdicts = lens.judge("layer4:57", "spurious", note="rulers only")
        >>> verdicts["layer4:57"].decision
        'spurious'
        >>> _ = lens.withdraw("layer4:57")
        """
        return auditing.judge(self, subjects, decision, label=label, note=note)

    def withdraw(self, subjects: str | Component | Sequence[str | Component]) -> Verdicts:
        """Take back what `auditor` said about components or concepts.

        Parameters
        ----------
        subjects
            One or several components or concepts.

        Returns
        -------
        Verdicts
            All verdicts that are left.

        Raises
        ------
        KeyError
            Where nothing was said.

        Examples
        --------
        >>> _ = lens.judge("@ruler", "spurious")
        >>> "@ruler" in lens.withdraw("@ruler")
        False
        """
        return auditing.withdraw(self, subjects)

    def undo(self) -> None:
        """Take back the last change of checklist or verdicts; what others changed since stays. Nothing happens where
        there is none.

        Examples
        --------
        >>> _ = lens.judge("layer4:57", "neutral")
        >>> lens.undo()
        >>> lens.redo()
        >>> _ = lens.withdraw("layer4:57")
        """
        auditing.take_back(self)

    def redo(self) -> None:
        """Do again what was undone last. Nothing happens where there is none.

        Examples
        --------
        >>> _ = lens.judge("layer4:57", "neutral")
        >>> lens.undo()
        >>> lens.redo()
        >>> lens.verdicts["layer4:57"].decision
        'neutral'
        >>> _ = lens.withdraw("layer4:57")
        """
        auditing.take_back(self, redo=True)

    def training_images(self, components: Any = None) -> TrainingImages:
        """The images behind components: ids and paths.

        `to_csv()` and `to_json()` of the answer write them down for cleaning. They are the strongest examples only; an
        artefact is usually on more images.

        Parameters
        ----------
        components
            One or several; those that the last audit calls spurious unless given.

        Returns
        -------
        TrainingImages
            The images, those that are examples of most components first.

        Examples
        --------
        >>> behind = lens.training_images("layer4:57")
        >>> len(behind) == len(behind.ids)
        True
        """
        return auditing.training_images(self, components)

    @contextmanager
    def without(self, components: Any = None, by: By = "zero") -> Iterator[torch.nn.Module]:
        """The model with components switched off: `with lens.without(report.spurious): …`.

        Parameters
        ----------
        components
            One or several, as rows, "layer4:64" or `Component`; None for what the last audit calls spurious.
        by
            "zero" holds their responses at 0, "mean" at their mean over (at most 512 of) the lens's images.

        Yields
        ------
        torch.nn.Module
            Your own model, changed for as long as the block lasts.

        Raises
        ------
        KeyError
            For a component that is not there.

        Notes
        -----
        It is your own model that changes, for as long as the block lasts; whatever happens in it, the model is then as
        it was. Blocks may be nested. What is fitted inside is cached as what it is, another model. See `switched_off`
        for what "off" means for tokens, signed components and directions.

        Examples
        --------
        >>> strongest, relevance = lens.explain(3).top(1)[0]
        >>> with lens.without(strongest) as model:
        ...     changed = lens.explain(3).value
        >>> changed != lens.explain(3).value
        True
        """
        with acting.without(self, components, by) as model:
            yield model

    @contextmanager
    def with_(self, components: Any, scale: float | int) -> Iterator[torch.nn.Module]:
        """The model with components stronger or weaker (steering): `with lens.with_("layer4:57", 3): …`.

        Parameters
        ----------
        components
            As in `without`.
        scale
            What their responses are multiplied with: 0 is off, 1 as it is, negative turned round.

        Yields
        ------
        torch.nn.Module
            Your own model, changed for as long as the block lasts.

        Raises
        ------
        ValueError
            For a scale that is no number.
        KeyError
            For a component that is not there.

        Notes
        -----
        As with `without`, it is your own model that changes, for as long as the block lasts. Several strengths are
        nested blocks.

        Examples
        --------
        >>> strongest, relevance = lens.explain(3).top(1)[0]
        >>> with lens.with_(strongest, 3) as model:
        ...     changed = lens.explain(3).value
        >>> changed != lens.explain(3).value
        True
        """
        with acting.scaled(self, components, scale) as model:
            yield model

    def effect(
        self, components: Any = None, data: Images | Mapping[str, Images] | None = None,
        labels: Sequence[int] | Mapping[str, Sequence[int]] | None = None, *, target: Targetlike = None,
        by: By = "zero", draws: int = DRAWS, most: int = 2000, points: int = 8, seed: int = 0, batch_size: int = 64,
        progress: bool = True, on_step: OnStep | None = None,
    ) -> Effect:  # fmt: skip
        """Switch components off and measure: accuracy, AUROC, recall and logit change, beside random components.

        Parameters
        ----------
        components
            As in `without`.
        data
            A data set (`sl.images(...)`) or several by name, such as {"clean": …, "with artefacts": …}; None for the
            lens's own images.
        labels
            The class number of every image where the data do not say, by name where there are several (KeyError for a
            name that no data set has).
        target
            The class that is measured; None for the audited one, else the last. Of a value of `sl.targets` or a
            function, which need no labels, how its number changes.
        by
            "zero" or "mean", as in `without`.
        draws, most, points
            Random sets, images of each data set, and points of the curve; see `effect`.
        seed, batch_size, progress
            What draws, images that run at once, and whether a bar is shown.
        on_step
            Called with (images measured, images in all); what it raises ends the work.

        Returns
        -------
        Effect
            Each measure with and without the components, beside random ones.

        Notes
        -----
        Random sets have as many components (and, where relevance is known, as much relevance) of each layer. No promise
        beyond what is measured: switching off is not retraining.

        Examples
        --------
        >>> effect = lens.effect(["layer4:57"], target="melanoma", draws=2, points=2, most=60, progress=False)
        >>> [str(component) for component in effect.components]
        ['layer4:57']
        """
        return acting.effect(
            self, components, data, labels, target, by, most, draws=draws, points=points, seed=seed,
            batch_size=batch_size, progress=progress, on_step=on_step,
        )  # fmt: skip

    def counterfactual(
        self, pairs: Any = None, *, with_: Any = None, without: Any = None, images: Any = None,
        name: str | None = None, target: Targetlike = None, n: int = PAIRS, controls: Any = None, alpha: float = 0.05,
        batch_size: int = 64, progress: bool = True, on_step: OnStep | None = None,
    ) -> Counterfactual:  # fmt: skip
        """What changes when one thing is in the pictures, and nothing else is different: components and prediction.

        Parameters
        ----------
        pairs
            An artefact, `lens.counterfactual(sl.artefacts.Ruler())`, which is drawn onto `n` pictures of the lens that
            show no such thing already as far as its CLIP can tell, or of `images` (a data set or a list of PIL
            pictures), evenly drawn; or `sl.demo.pairs("ruler")`; or a list of (picture with it, picture without it).
        with_, without
            The same as two sides: lists of PIL pictures, or `sl.images(…)`, number i of both the same picture. PIL
            pictures go through the transform of the lens's images.
        images
            What an artefact is drawn onto: a data set or a list of PIL pictures; the lens's own images unless given.
        name
            What differs; of an artefact its kind. A control of that kind is left out.
        target
            The class whose logit is measured; None for the audited one, else the last; a value of `sl.targets`.
        n
            How many pictures an artefact is drawn onto.
        controls
            Artefacts that are drawn instead, onto the same pictures: a component counts as found only where the thing
            excites it more than each of them. The usual ones unless given; [] for none.
        alpha
            The chance that any component at all is called found where none is.
        batch_size, progress
            Pictures that run at once, and whether a bar is shown.
        on_step
            Called with (pairs done, pairs in all); what it raises ends the work.

        Returns
        -------
        Counterfactual
            What changes in every component and, where a class is measured, in the prediction.

        Raises
        ------
        NotFitted
            Before `fit`.
        ValueError
            For sides that do not belong together.
        TypeError
            For what is no picture.

        Notes
        -----
        See `Counterfactual` for what is measured, and against which source.

        Examples
        --------
        >>> found = lens.counterfactual(sl.demo.pairs("ruler", 20), target="melanoma", progress=False)
        >>> found.pairs
        20
        """
        return counterfactuals.counterfactual(
            self, pairs, with_=with_, without=without, images=images, name=name, target=target, n=n, controls=controls,
            alpha=alpha, batch_size=batch_size, progress=progress, on_step=on_step,
        )  # fmt: skip

    def robustness(
        self, by: Sequence[str] = ("k", "templates", "prompts", "sample"), *, others: Mapping[str, Lens] | None = None,
        seed: int = 0,
    ) -> Robustness:  # fmt: skip
        """Which findings of the last audit stay when something is changed that should make no difference.

        Parameters
        ----------
        by
            What is changed, one thing at a time: "k" (half and a quarter of the examples), "templates" (each sentence
            alone), "prompts" (one of each concept left out), "sample" (halves of the sampled images).
        others
            Lenses of the same model made otherwise, by what differs: {"whole images": lens2}, another CLIP, other
            images. They are fitted before; nothing is computed anew that takes a pass over the images.
        seed
            Draws the halves.

        Returns
        -------
        Robustness
            Each finding, and under which changes it stays.

        Raises
        ------
        ValueError
            Before the first audit.

        Notes
        -----
        The answer has a `.section()` for reports.

        Examples
        --------
        >>> _ = lens.audit(sl.Checklist(spurious=["ruler"]), target="melanoma", progress=False)
        >>> stable = lens.robustness(by=["k"])
        """
        return robust.robustness(self, by, others, seed)

    # two readers

    def begin_reading(
        self, first: str, second: str, subjects: str | Component | Sequence[str | Component] | None = None
    ) -> Reading:
        """Have two people decide blind: neither sees what the other says until both have finished.

        Parameters
        ----------
        first, second
            Their names, as `lens.auditor` will say them.
        subjects
            What each decides about, such as "@ruler" or "layer4:64"; by default every concept of the checklist.

        Returns
        -------
        Reading
            The reading, which windows show.

        Raises
        ------
        ValueError
            Where a reading goes on already, or there is nothing to read.

        Notes
        -----
        Windows, cells and reports hide the other's verdicts; the audit's file beside the lens holds them all, for
        whoever opens it in an editor.

        Examples
        --------
        >>> team = sl.demo.lens(n=101, progress=False)
        >>> _ = team.audit(sl.Checklist(spurious=["ruler"]), relevance=False, progress=False)
        >>> _ = team.begin_reading("Ada", "Bob", ["@ruler"])
        >>> for reader, decision in (("Ada", "spurious"), ("Bob", "valid")):
        ...     team.auditor = reader
        ...     _ = team.judge("@ruler", decision)
        ...     _ = team.finish_reading()
        >>> team.agreement().subjects
        ('@ruler',)
        """
        return reading.begin(self, first, second, subjects)  # type: ignore[arg-type]

    def finish_reading(self) -> Reading:
        """Say that the present `auditor` has finished; what is decided later does not count in the agreement.

        Returns
        -------
        Reading
            The reading.

        Raises
        ------
        ValueError
            For somebody who is no reader, or has not decided about everything.

        Examples
        --------
        >>> team = sl.demo.lens(n=102, progress=False)
        >>> _ = team.audit(sl.Checklist(spurious=["ruler"]), relevance=False, progress=False)
        >>> _ = team.begin_reading("Ada", "Bob", ["@ruler"])
        >>> team.auditor = "Ada"
        >>> _ = team.judge("@ruler", "spurious")
        >>> _ = team.finish_reading()
        """
        return reading.finish(self)

    def agreement(self) -> Agreement:
        """How the two readers agree: Cohen's kappa, Gwet's AC1, and what they disagree about.

        ValueError until both have finished.

        Returns
        -------
        Agreement
            Both measures, and the disagreements.

        Examples
        --------
        >>> team = sl.demo.lens(n=103, progress=False)
        >>> _ = team.audit(sl.Checklist(spurious=["ruler"]), relevance=False, progress=False)
        >>> _ = team.begin_reading("Ada", "Bob", ["@ruler"])
        >>> for reader in ("Ada", "Bob"):
        ...     team.auditor = reader
        ...     _ = team.judge("@ruler", "spurious")
        ...     _ = team.finish_reading()
        >>> agreement = team.agreement()
        """
        return reading.agree(self)

    def settle(self, subject: str | Component, decision: str, reason: str) -> Verdicts:
        """Settle a disagreement: the present `auditor` decides, and says why.

        It is kept beside what the readers said, in the report, too. ValueError without a reason, or where they agree.

        Parameters
        ----------
        subject
            What the readers disagree about.
        decision
            "valid", "spurious", "neutral" or "unsure".
        reason
            Why, in words.

        Returns
        -------
        Verdicts
            The reading.

        Examples
        --------
        >>> team = sl.demo.lens(n=104, progress=False)
        >>> _ = team.audit(sl.Checklist(spurious=["ruler"]), relevance=False, progress=False)
        >>> _ = team.begin_reading("Ada", "Bob", ["@ruler"])
        >>> for reader, decision in (("Ada", "spurious"), ("Bob", "valid")):
        ...     team.auditor = reader
        ...     _ = team.judge("@ruler", decision)
        ...     _ = team.finish_reading()
        >>> team.auditor = "Chair"
        >>> _ = team.settle("@ruler", "spurious", "rulers are laid on what looks suspicious")
        """
        return reading.settle(self, subject, decision, reason)

    def performance(
        self, data: Images | None = None, labels: Any = None, metadata: Any = None, *, target: int | str | None = None,
        slices: bool = True, reliance: bool = True, batch_size: int = 64, progress: bool = True,
        on_step: OnStep | None = None,
    ) -> Performance:  # fmt: skip
        """How right the model is: overall, per class, per subgroup, and where its components say that it is worse.

        Parameters
        ----------
        data
            A labelled data set (`sl.images(...)`); None for the lens's own images. Images that the model was not
            trained on say more.
        labels
            The class of every image where the data do not say. Of a model that says several labels at once a table of 0
            and 1, a column for each class.
        metadata
            Columns that make subgroups: the path of a CSV file, a dict of columns, a list of rows, a DataFrame or a
            Hugging Face data set; None takes `metadata.csv` in the folder of the images, where there is one. A column
            with the images' names says which row is whose; without one rows are in the order of the images.
        target
            The class that AUROC, sensitivity and specificity are of; None for the audited one, else the last of two
            classes, or the means over more of them.
        slices
            After `audit`: the images in which components of a concept that should not matter, or one of the eight most
            relevant unexpected components, are strong, against those in which they are weak; of concepts also within
            each subgroup.
        reliance
            After `audit`: the share of the target's relevance on spurious components, for each subgroup.
        batch_size, progress
            Images that run at once, and whether a bar is shown.
        on_step
            Called with (images done, images in all); what it raises ends the work.

        Returns
        -------
        Performance
            What was measured, with intervals; all differences are corrected together (Holm), and it tells how many.

        Raises
        ------
        ValueError
            Where no label is a class of the model, for outputs that are no classes, and for metadata that do not belong
            to these images, which are named.
        TypeError
            For data that `sl.images` did not make, and metadata that are no table.

        Examples
        --------
        >>> site = ["A", "B", "B"] * 50
        >>> found = lens.performance(metadata={"site": site}, slices=False, reliance=False, progress=False)
        >>> [subgroup.name for subgroup in found.subgroups]
        ['site: A', 'site: B']
        """
        return performing.performance(
            self, data, labels, metadata, target, slices=slices, reliance=reliance, batch_size=batch_size,
            progress=progress, on_step=on_step,
        )  # fmt: skip

    def repair(
        self, what: Any = None, data: Images | None = None, how: How = "head", *, labels: Any = None,
        artefact: Artefact | None = None, pairs: Any = None, test: Images | None = None,
        target: int | str | None = None, epochs: int = 8, patience: int = 2, rate: float = 1e-4, batch_size: int = 64,
        seed: int = 0, progress: bool = True, on_step: OnStep | None = None,
    ) -> Repair:  # fmt: skip
        """A repaired copy of the model, measured before and after beside a control; your own model stays as it is.

        Parameters
        ----------
        what
            A concept of the checklist, by name, or components, one or several; None for those the last audit calls
            spurious.
        data
            Labelled pictures to repair with; None for the lens's own. 60 % train, 20 % choose (strength of
            regularisation, the epoch that is kept), 20 % are measured on, of each class alike.
        how
            "head": the last linear layer is trained anew, by logistic regression, on features with the directions
            projected out in which the thing changes them: those of pairs with and without it, else of switching its
            components off. "reweigh": the head is trained anew, images weighed so that class and thing are independent
            of each other (Kamiran and Calders 2012). "fine-tune": all of the copy learns on, an artefact pasted onto
            half of the pictures whatever their class. "off": components are switched off for good.
        labels
            The class of every image where the data do not say.
        artefact
            What is pasted, and what the repair is measured by; of a concept that names one, that one.
        pairs
            Pictures with and without the thing, as `counterfactual` takes them, such as `sl.demo.pairs("ruler")`: one
            half says how features change, the other is measured on.
        test
            Other labelled pictures to measure on, such as clean ones, in place of the 20 %.
        target
            The class whose logit is measured; None for the audited one, else the last.
        epochs, patience, rate
            Of "fine-tune": at most so many epochs, ended after so many without a better validation loss, at this rate.
        batch_size, seed
            Pictures that run at once, and what draws splits, controls and artefacts.
        progress
            Show a bar.
        on_step
            Called with (done, in all); what it raises ends the work.

        Returns
        -------
        Repair
            The copy as `model`, and what it is worth beside the model as it is and beside a control.

        Raises
        ------
        ValueError
            For data with too few images of a class, outputs that are no classes that exclude each other, settings that
            are none, and models whose scores do not come out of one linear layer.
        TypeError
            For data that `sl.images` did not make.

        Notes
        -----
        Nothing is promised beyond what was measured, on pictures that the repair did not see. Only retraining takes the
        influence of an artefact away substantially (Dreyer et al. 2025).

        Examples
        --------
        >>> data = sl.images(sl.demo.images(120, 3, "biased"), transform=sl.demo.transform())
        >>> repaired = lens.repair(["layer4:57"], data, pairs=sl.demo.pairs("ruler", 20), progress=False)
        >>> repaired.reduction > 0.5
        True
        """
        recipe = Recipe(how, epochs, patience, rate, batch_size, seed)
        return repairing.repair(
            self, what, data, labels, artefact, pairs, test, target, recipe, progress, on_step
        )

    # handing in and keeping

    def document(
        self, effect: Effect | None = None, *, title: str | None = None, dossier: Dossier | None = None,
        sections: Sequence[Measurement] = (),
    ) -> Report:  # fmt: skip
        """The last audit with its decisions as a `Report`, sealed.

        Parameters
        ----------
        effect
            What `effect` measured, to stand in it.
        title
            Heads it.
        dossier
            What people say of the model and the audit, by default `lens.dossier`; with one, the report has an index of
            clauses, findings with risk, owner and action, and lines to sign.
        sections
            What was measured besides: values with a `.section()`, such as `lens.robustness()` gives.

        Returns
        -------
        Report
            A value that makes HTML, Markdown, CSV and JSON.

        Raises
        ------
        ValueError
            Before the first audit, and while somebody reads it blind.

        Examples
        --------
        >>> _ = lens.audit(sl.Checklist(spurious=["ruler"]), target="melanoma", progress=False)
        >>> report = lens.document(title="The demo")
        >>> "The demo" in report.to_markdown()
        True
        """
        return document(self, effect, title=title, dossier=dossier, sections=sections)

    def write_report(
        self, path: str | os.PathLike[str], effect: Effect | None = None, *, title: str | None = None,
        dossier: Dossier | None = None, sections: Sequence[Measurement] = (), key: Key | None = None,
        password: str | None = None,
    ) -> Path:  # fmt: skip
        """Write the report as `.html`, `.md`, `.json` or `.csv`.

        Parameters
        ----------
        path
            Its ending says which of the four.
        effect, title, dossier, sections
            As in `document`.
        key, password
            A private key of your own (Ed25519, a PEM file), and its password if it has one: the report is signed with
            it. `sl.verify_report("x.json")` says what was changed since, and by whose key it is signed.

        Returns
        -------
        Path
            The file that was written.

        Notes
        -----
        The HTML is one file that opens offline and prints. `sl.Report.from_file("x.json")` makes all of them again.

        Examples
        --------
        >>> _ = lens.audit(sl.Checklist(spurious=["ruler"]), target="melanoma", progress=False)
        >>> lens.write_report("audit.md").name
        'audit.md'
        """
        made = self.document(effect, title=title, dossier=dossier, sections=sections)
        written = made if key is None else made.signed(key, password)
        return written.save(path)

    def figure(self, view: str = "search", **options: Any) -> Figure:
        """What a view of the window shows now, as a figure.

        Parameters
        ----------
        view
            "search", "gallery", "card", "describe", "evaluate", ….
        **options
            `width_mm`, `theme` and further options of `semlens_widgets.figures`.

        Returns
        -------
        Figure
            A figure to save or look at.

        Raises
        ------
        NothingToShow
            A ValueError that says what to do where the view has nothing to show yet.

        Examples
        --------
        >>> lens.query = "ruler"
        >>> lens.figure("search", width_mm=85).save("ruler.svg").name
        'ruler.svg'
        """
        from .figures.views import figure_of_view

        return figure_of_view(self, view, **options)

    def to_html(self, path: str | os.PathLike[str], *, examples: int = 10, limit_mb: float | int = 50) -> Path:
        """Write one page that opens anywhere, offline: the window over the vocabulary and what was searched, with
        gallery, cards, map, labels, scores and audit, to look at; a comparison and a prediction are pictures below it.

        Parameters
        ----------
        path
            Ends in .html.
        examples
            Pictures kept of each component.
        limit_mb
            The largest page that is written.

        Returns
        -------
        Path
            The file that was written.

        Raises
        ------
        ValueError
            Where the page would be larger than `limit_mb`.

        Examples
        --------
        >>> lens.to_html("lens.html", examples=3).name
        'lens.html'
        """
        from .page import to_html

        return to_html(self, path, examples=examples, limit_mb=limit_mb)

    def to_site(
        self, folder: str | os.PathLike[str], *, examples: int = 10, side: int = 96, limit_mb: float | int = 1000,
        progress: bool = True,
    ) -> Path:  # fmt: skip
        """Write a folder of static files that any web server serves, GitHub Pages among them: the window as `to_html`
        has it, over data files that are read when they are needed; a page for each component; the figures, and the
        report of the audit.

        Parameters
        ----------
        folder
            A new or empty one, or a site of before, which is replaced; what else lies in it stays (.git, CNAME).
        examples
            Pictures kept of each component.
        side
            Of each picture, in pixels.
        limit_mb
            The largest size of all files together; GitHub Pages takes 1 GB.
        progress
            Show a bar.

        Returns
        -------
        Path
            The page at its top, `index.html`.

        Raises
        ------
        FileExistsError
            For a folder that holds something else.
        ValueError
            Where the site would be larger than `limit_mb`.

        Notes
        -----
        The pages of components, figures and report also open from the disk; the window needs a server, such as `python
        -m http.server`.

        Examples
        --------
        >>> small = sl.demo.lens(n=60, layers=["layer4"], progress=False)
        >>> small.to_site("site", examples=2, progress=False).name
        'index.html'
        """
        from .site import to_site

        return to_site(self, folder, examples=examples, side=side, limit_mb=limit_mb, progress=progress)

    def link(self, component: int | str | Component, page: str = "") -> str:
        """The address that opens a component's card in a page of `to_html` or `to_site`: "lens.html#layer4:57".

        Parameters
        ----------
        component
            A row, "layer4:57" or a `Component`.
        page
            The address of that page; without one, what stands behind it: "#layer4:57".

        Returns
        -------
        str
            The address.

        Raises
        ------
        KeyError
            For a component that is not there.

        Examples
        --------
        >>> lens.link("layer4:57", "lens.html")
        'lens.html#layer4:57'
        """
        from .site import link

        return link(self, component, page)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the lens as one `.semlens` file, and the audit, if there is any, as readable JSON beside it.

        From then on changes of the audit are saved there, too. `sl.open` gives both back, without model and images.

        Parameters
        ----------
        path
            Of the file; other endings than `.semlens` are taken as they are.

        Returns
        -------
        Path
            The file that was written.

        Examples
        --------
        >>> lens.save("demo.semlens").name
        'demo.semlens'
        >>> sl.open("demo.semlens").search("ruler").found
        True
        """
        written = store.write(path, *self.to_file())
        auditing.keep_beside(self, written)
        return written

    def keep_audit(self, path: str | os.PathLike[str]) -> None:
        """Keep checklist, verdicts, own labels and thresholds in a JSON file from now on, and take over its content.

        What is there and here is put together; where both say different things, the lens's own counts, and
        `edit_conflicts` lists the other. A file that is damaged is set aside, not overwritten. `fit` and `sl.open` do
        this by themselves.

        Parameters
        ----------
        path
            The file; it need not exist yet.

        Examples
        --------
        >>> lens.keep_audit("team.audit.json")
        """
        auditing.keep_audit(self, path)

    def to_file(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """What the file of this lens holds: arrays, and the document beside them. Nothing is written.

        Returns
        -------
        tuple[dict[str, array], dict]
            Arrays by name, and the document.

        Examples
        --------
        >>> arrays, document = lens.to_file()
        >>> sorted(arrays)[0] in arrays
        True
        """
        from .widgets.recorded import recorded

        return file.to_file(self, recorded(self))

    @classmethod
    def of_space(
        cls: type[Self], space: SemanticSpace, extra: dict[str, Any], attached: Mapping[str, np.ndarray] | None = None,
        clip: Clip | None = None, trust: bool = False,
    ) -> Self:  # fmt: skip
        """A lens on a finished space, without model or images.

        Parameters
        ----------
        space
            Components and their evidence.
        extra, attached
            What its file holds beside the space.
        clip, trust
            As in `sl.open`.

        Returns
        -------
        Lens
            The lens.

        Examples
        --------
        >>> sl.Lens.of_space(lens.space, {}).search("layer4:57").found in (True, False)
        True
        """
        return file.of_space(cls, space, extra, attached, clip, trust)


Lens.__init__.__qualname__ = "Lens"  # Python's own messages about arguments then speak of sl.Lens


def open(path: str | os.PathLike[str], clip: Clip | None = None, *, trust: bool = False) -> Lens:
    """A lens from a `.semlens` file. The audit that was saved beside it comes with it.

    Parameters
    ----------
    path
        The file that `Lens.save` wrote.
    clip
        The CLIP it was made with. Without one the file's own is loaded again, when it is first needed, if it is in
        open_clip's list of pretrained models or comes with this package. Anything else a file may name, such as another
        model of the hub or a folder, is neither loaded nor contacted: the lens opens without a CLIP, and says what its
        file asks for where one is needed.
    trust
        Load whatever CLIP the file names. Only for files from people you trust.

    Returns
    -------
    Lens
        Everything that needs no model works in it.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    SemlensFileError
        Says what is damaged.

    Examples
    --------
    >>> _ = lens.save("demo.semlens")
    >>> sl.open("demo.semlens").search("ruler").found
    True
    """
    opened = SemanticSpace.open(path)
    try:
        lens = Lens.of_space(opened.space, opened.extra, opened.attached, clip, trust)
    except SemlensFileError as error:
        raise error if str(path) in str(error) else SemlensFileError(f"{path}: {error}") from error
    lens.keep_audit(auditing.audit_file(Path(path)))
    return lens
