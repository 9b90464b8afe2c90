"""Lens files with something wrong in them, read by Python and by the page, and plain readers to hold both against.

A damaged file must be refused, or say what the whole one says. A file that was sealed anew may say something else: what
a plain reader (the arrays as they lie there, no checks) reads in it, where its numbers keep to the rules written out
plainly in `lawless`; else it must be refused.
"""

import copy
import json
import re
import select
import subprocess
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from plain_page import PlainPage
from safetensors.numpy import load, save
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets import store
from semlens_widgets.space import SemanticSpace

ROOT = Path(__file__).parents[1]
WORDS = ("red", "green", "blue", "yellow")
NODE = (Path(__file__).parent / "read_in_node.mjs").as_posix()


def whole_lens():
    """A lens on the toy world in which all there is to keep has been made."""
    labels = [i % 2 for i in range(60)]
    data = sl.images(pictures(60, size=24), transform=to_pixels, labels=labels, classes=["even", "odd"])
    layers = ["colour", sl.Layer("head", signed=True)]
    sizes = {"k": 5, "null": 40, "sample": 50}
    lens = sl.Lens(
        ColourNet(), data, layers, ColourClip(), templates=("{}",), vocabulary=WORDS, name="toy", **sizes
    ).fit(cached=False, progress=False)  # fmt: skip
    lens.describe(level=0.0)
    lens.evaluate()
    lens.compute_layout("pca")
    lens.relate(cached=False, progress=False)
    lens.own_labels = {"colour:1": "leaf"}
    lens.concepts = ("red",)
    concepts = [{"name": name, "kind": kind} for name, kind in (("red", "valid"), ("blue", "spurious"))]
    lens.audit(sl.Checklist.from_document({"groups": [{"name": "colours", "concepts": concepts}]}), "even")
    return lens


@dataclass(frozen=True)
class Mutant:
    """The bytes of a file, and what was done to it; `sealed` where its checksums were made to fit."""

    data: bytes
    done: str
    sealed: bool


class Mutants:
    """Mutants of one file without end; the same for the same seed."""

    def __init__(self, whole, seed=0):
        self.whole, self.random = whole, np.random.default_rng(seed)
        self.header = int.from_bytes(whole[:8], "little")
        self.arrays, self.document = taken_apart(whole)

    def damaged(self):
        """The next file with bytes changed, lost or added."""
        r, data = self.random, bytearray(self.whole)
        size, kind = len(data), r.integers(9)
        at = int(r.integers(size))
        if kind == 0:
            del data[at:]
        elif kind == 1:
            data[:8] = int(r.integers(2**63)).to_bytes(8, "little")
        elif kind == 2:
            data[:8] = max(0, self.header + int(r.integers(-200, 200))).to_bytes(8, "little")
        elif kind == 3:
            data[8 + int(r.integers(self.header))] ^= 1 << int(r.integers(8))
        elif kind == 4:
            place = 8 + int(r.integers(self.header - 20))
            data[place : place + 20] = data[place : place + 20][::-1]
        elif kind == 5:
            data[at : at + 4096] = bytes(len(data[at : at + 4096]))
        elif kind == 6:
            data += bytes(r.integers(0, 256, 100, dtype=np.uint8))
        elif kind == 7:
            other = int(r.integers(size))
            here, there = data[at : at + 64], data[other : other + 64]
            length = min(len(here), len(there))
            data[at : at + length], data[other : other + length] = there[:length], here[:length]
        else:
            data[at] ^= 1 << int(r.integers(8))
        return Mutant(bytes(data), f"damage {kind} at {at}", sealed=False)

    def sealed(self):
        """The next file that says something else, with checksums that fit."""
        r, arrays, document = self.random, dict(self.arrays), copy.deepcopy(self.document)
        done = self._number(arrays) if r.random() < 0.5 else self._member(document)
        return Mutant(put_together(arrays, document), done, sealed=True)

    def _number(self, arrays):
        r, names = self.random, sorted(name for name in self.arrays if self.arrays[name].size)
        name = names[int(r.integers(len(names)))]
        array = np.array(arrays[name])
        kind = ("one", "several", "row", "times", "shape", "gone", "shorter")[int(r.integers(7))]
        special = [np.nan, np.inf, -np.inf, -1, 0, 1, 2, 7, 0.5, 1e9, -1e30, 2**31 - 1, 2**62]
        if array.dtype.kind in "iub":
            limits = (0, 1) if array.dtype == bool else (np.iinfo(array.dtype).min, np.iinfo(array.dtype).max)
            near = (-1, 0, 1, 2, 7, 1e9, *limits, len(array), int(array.max()) + 1)
            special = [np.clip(int(v), *limits) for v in near]
        value = special[int(r.integers(len(special)))]
        with np.errstate(over="ignore", invalid="ignore"):
            if kind == "shape":
                array = array.reshape(array.shape[::-1]) if array.ndim > 1 else array[:, None]
            elif kind == "gone":
                del arrays[name]
                return f"{name} gone"
            elif kind == "shorter":
                array = array[: int(r.integers(len(array)))]
            elif kind == "times":
                array = (array * np.asarray(7).astype(array.dtype)).astype(array.dtype)
            elif kind == "row":
                array[int(r.integers(len(array)))] = value
            else:
                places = r.integers(array.size, size=1 if kind == "one" else 20)
                array.reshape(-1)[places] = value
        arrays[name] = array
        return f"{name} {kind} {value}"

    def _member(self, document):
        """A member of the document, at any depth, that is gone, of another type, or out of its range."""
        r, here, path = self.random, document, []
        while True:
            keys = list(here) if isinstance(here, dict) else list(range(len(here)))
            key = keys[int(r.integers(len(keys)))]
            path.append(str(key))
            if not isinstance(here[key], dict | list) or not here[key] or r.random() < 0.15:
                break
            here = here[key]
        value = OTHERS[int(r.integers(len(OTHERS)))]
        if value is GONE:
            del here[key]
        else:
            here[key] = copy.deepcopy(value)
        return f"{'.'.join(path)} = {'gone' if value is GONE else value!r:.40}"


GONE = object()
OTHERS = (None, True, False, -1, 0, 5, 1.5, 10**9, -(2**70), 1e300, "x", "", "1", [], [1], ["x"], {}, {"x": 1}, GONE)


def taken_apart(data):
    """(arrays, document) of a file's bytes, as they lie there."""
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return load(data), json.loads(header["__metadata__"]["semlens"])["document"]


def put_together(arrays, document):
    """The bytes of a sealed file."""
    return b"".join([store._header(arrays := _in_order(arrays), document), *(a.tobytes() for a in arrays.values())])


def first_version(arrays, document):
    """The bytes of the same file as version 1 of the format had it: a checksum of each array, and one of the header."""
    checksums = {name: zlib.crc32(np.ascontiguousarray(array).tobytes()) for name, array in arrays.items()}
    header = {"format": "semlens", "version": 1, "checksums": checksums, "document": document}
    header["header_checksum"] = zlib.crc32(json.dumps(header, sort_keys=True, separators=(",", ":")).encode())
    text = json.dumps(header, sort_keys=True, separators=(",", ":"))
    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, {"semlens": text})


def _in_order(arrays):
    plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return dict(sorted(plain.items(), key=lambda item: (-item[1].dtype.itemsize, item[0])))


class Plain(dict):
    """The arrays of a file with its document, unchecked: what the space is made of by a plain reader."""

    def __init__(self, data):
        arrays, self.document = taken_apart(data)
        super().__init__(arrays)

    def unchecked(self, name):
        return self[name]

    def lens(self):
        return sl.Lens.of_space(SemanticSpace._from(self), self.document["extra"], self)


def told(lens):
    """All that a lens from a file says, as one text."""
    space, examples = lens.space, lens.space.examples
    rows = range(len(lens.components))
    said = [repr(lens), lens.name, [str(c) for c in lens.components], space.recipe, lens.known_words(), lens.concepts]
    said += [lens.vocabulary, lens.unreadable, space.names, sorted(space.labels.items()), space.classes]
    said += [examples.images.tolist(), examples.responses.tolist(), examples.peaks.tolist(), examples.counts.tolist()]
    said += [None if examples.boxes is None else examples.boxes.tolist(), examples.grids, space.crop_images.tolist()]
    statistics = examples.statistics
    said += [statistics.mean.tolist(), statistics.variance.tolist(), statistics.nonzero_share.tolist()]
    said += [[part.tolist() for part in statistics.histogram(row)] for row in rows]
    said += [[space.thumbnails.webp(crop) for crop in range(len(space.thumbnails))]]
    said += [space.embeddings.tolist(), space.embeddings_of([0, 3]).tolist()]
    said += [space.resultant_length(np.arange(len(rows))).tolist()]
    for word in lens.known_words():
        answer = lens.search(word, top=None)
        said += [answer.message, answer.to_rows()]
    if lens.labels is not None:
        said += [lens.labels.to_rows(lens.own_labels), [lens.label_of(row) for row in rows], lens.labels.z.tolist()]
    if lens.evaluation is not None:
        said += [lens.evaluation.to_rows()]
    if lens.relevance is not None:
        r = lens.relevance
        said += [r.counts.tolist(), r.mean.tolist(), r.share.tolist(), r.top_images.tolist(), r.top_values.tolist()]
        said += [r.images.tolist(), r.targets.tolist(), r.values.tolist(), r.classes]
    if lens.layout is not None:
        said += [lens.layout.positions.tolist(), lens.layout.method]
    return repr(said)


def lawless(arrays, document):
    """The names of arrays whose numbers are none that this package writes, by the rules in plain words."""
    wrong = set()

    def rule(holds, *names):
        wrong.update(() if holds else names)

    for name, array in arrays.items():
        if array.dtype.kind == "f":
            may_be_nan = name.startswith(("labels/", "evaluation/", "layout/")) and name != "labels/vectors"
            rule(np.isfinite(array).all() or (may_be_nan and not np.isinf(array).any()), name)
        if name.split("/")[-1] in ("vectors", "crop_vectors", "null_vectors", "sample_vectors"):
            with np.errstate(over="ignore"):
                lengths = np.linalg.norm(array.astype(np.float64), axis=-1)
            rule(((abs(lengths - 1) < 0.03) | (lengths == 0)).all(), name)
    crops, parts = len(arrays["crop_vectors"]), document["extra"].get("parts", {})
    names, classes = (parts.get(part, {}).get(of) for part, of in (("labels", "names"), ("relevance", "classes")))
    below = {
        "crop_of": crops,
        # Where the part is not there, nothing is read of its arrays.
        "labels/words": 2**31 if names is None else len(names),
        "relevance/targets": 2**31 if classes is None else len(classes),
        "evaluation/raw_sibling": 8, "evaluation/centred_sibling": 8, "answers/relevance.classes": 2,
    }  # fmt: skip
    for name, end in below.items():
        array = arrays.get(name, np.zeros(0))
        rule(((array >= 0) & ((array < end) | (array == 2**31 - 1) & (name != "crop_of"))).all(), name)
    for name, of in (("thumbnail_offsets", "thumbnails"), ("image_name_offsets", "image_names")):
        offsets = arrays.get(name, np.zeros(1))
        rule(offsets[0] == 0 and offsets[-1] == len(arrays.get(of, ())) and (np.diff(offsets) >= 0).all(), name)
    return wrong


def page_told(page, path, rows, seconds=30.0):
    """The answers of the page to all its questions, or the one error of a file that it cannot open."""
    reply = page.ask(path, questions(rows), seconds)
    return reply if "error" in reply else reply["answers"]


class Judge:
    """Whether what was read of mutants is right, judged by the whole file and the plain readers.

    `python` and `page` say "refused", "as the whole", "as it says" (of a file that was sealed anew), or what is wrong.
    """

    def __init__(self, whole, path, page):
        self.path, self.page = path, page
        path.write_bytes(whole)
        lens = sl.open(path)
        self.rows, self.said = len(lens.components), told(lens)
        self.answered = page_told(page, path, self.rows) if page else None

    def python(self, mutant):
        for beside in self.path.parent.glob("*audit*"):  # of the last lens
            beside.unlink()
        try:
            said = told(sl.open(self.path))
        except sl.SemlensFileError:
            return "refused"
        except (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
            return f"crash: {error!r}"
        if said == self.said:
            return "as the whole"
        if not mutant.sealed:
            return "wrong"
        plain = Plain(mutant.data)
        bad = lawless(plain, plain.document)
        if bad:
            return f"wrong: read although {bad} cannot be"
        return "as it says" if said == told(plain.lens()) else "wrong: not what a plain reader reads"

    def by_page(self, mutant, seconds=30.0):
        answers = page_told(self.page, self.path, self.rows, seconds)
        if answers == self.answered:
            return "as the whole"
        if isinstance(answers, dict):
            return "refused" if _refusal(answers) else f"crash: {answers}"
        plain = PlainPage(*taken_apart(mutant.data)) if mutant.sealed else None
        for number, (question, answer) in enumerate(zip(questions(self.rows), answers, strict=True)):
            if "error" in answer:
                if not _refusal(answer):
                    return f"crash: {question} {answer}"
            elif answer != self.answered[number] and not (plain and plain.fits(question, answer)):
                return f"wrong: {question}"
        refused = all("error" in answer for answer in answers)
        return "refused" if refused or not mutant.sealed else "as it says"


def _refusal(answer):
    """Whether an error is one that says what is damaged, or what there is not."""
    name, message = answer["error"]["name"], answer["error"]["message"]
    return name in ("DamagedFile", "NeedsKernel") or (name == "RangeError" and "no layer" in message)


class Page:
    """The page's reader in Node: questions about a file, and the answers."""

    def __init__(self):
        self.restart()

    def restart(self):
        """A new reader, in place of one that is there."""
        if hasattr(self, "process"):
            self.process.kill()
            self.close()
        self.process = subprocess.Popen(
            ["node", "--no-warnings", NODE], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def ask(self, path, questions, seconds=30.0):
        """The answers, each {"answer"} (see `plain_page.unpacked`) or {"error"}; one {"error"} for a file that cannot
        be opened.

        TimeoutError where they take longer than so many seconds.
        """
        self.process.stdin.write(json.dumps({"path": str(path), "questions": questions}) + "\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            raise TimeoutError
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the reader ended with {self.process.wait()}")
        return json.loads(line)

    def largest(self):
        """The most bytes that the reader has held; 0 where the system does not say."""
        status = Path(f"/proc/{self.process.pid}/status")
        held = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
        return 1024 * int(held[1]) if held else 0

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.close()


def questions(rows):
    """What the page is asked about a file with so many components: all that its windows ask."""
    asked = [["hits", {}, {"query": word, "layer": layer}] for word in WORDS for layer in (None, "head")]
    asked += [["hits", {}, {"query": "", "layer": None}], ["components", {"rows": list(range(rows))}, {}]]
    asked += [["card", {"row": row}, {"query": "red"}] for row in range(rows)]
    asked += [["example", {"row": row, "rank": 0}, {}] for row in range(rows)]
    asked += [[verb, {}, {}] for verb in ("map", "labels", "scores", "audit")]
    asked += [["map_values", {"colour": "clarity"}, {}], ["meanings", {"rows": [0, 1]}, {}]]
    return [*asked, ["suggest", {"prefix": "r"}, {}]]
