"""What the page must answer about a file, worked out plainly from the arrays as they lie in it."""

import base64
import math
import zlib
from itertools import pairwise

import numpy as np

KINDS = {"F32": np.float32, "I32": np.int32, "I16": np.int16, "U8": np.uint8}
_IN_JAVASCRIPT = {"Float32Array": np.float32, "Int32Array": np.int32, "Int16Array": np.int16, "Uint8Array": np.uint8}


def unpacked(answer):
    """An answer of the page's reader, with arrays as numpy has them and files as bytes."""
    found = dict(answer)
    for name, value in answer.items():
        if isinstance(value, dict) and value.keys() == {"kind", "data"}:
            data, kind = base64.b64decode(value["data"]), _IN_JAVASCRIPT.get(value["kind"])
            found[name] = data if kind is None else np.frombuffer(data, kind)
    return found


class PlainPage:
    """The answers to the questions of `mutants.questions`, from arrays and document of a file."""

    def __init__(self, arrays, document):
        self.arrays, self.document = arrays, document
        self.parts = document["extra"].get("parts", {})
        c = document["components"]
        self.ids, self.layer_of = [], []
        for layer, size, signed in zip(c["layers"], c["sizes"], c["signed"], strict=True):
            for at in range(size):
                half = size // 2
                name = f"{layer}:{at % half}{'+-'[at // half]}" if signed else f"{layer}:{at}"
                self.ids.append(name)
                self.layer_of.append(layer)
        responses = arrays["example_responses"]
        self.counts = np.where(arrays["negative"], responses.shape[1], (responses > 0).sum(1))

    def fits(self, question, answer):
        """Whether an answer of the page is this file's."""
        verb, args, traits = question
        result = unpacked(answer["answer"])
        if verb == "hits":
            return self._hits(traits["query"], traits["layer"], result)
        if verb == "components":
            return all(map(self._component, args["rows"], result["components"]))
        if verb == "card":
            return self._card(args["row"], traits["query"], result)
        if verb == "example":
            return self._example(args["row"], result)
        if verb == "suggest":
            names = self.parts.get("words", {}).get("names", [])
            return result["words"] == [n for n in names if n.lower().startswith(args["prefix"])]
        return self._recorded(verb, args, result)

    def scored(self, word):
        """(score, z) of every component for a word kept in the file."""
        words, a = self.parts["words"], self.arrays
        number = words["names"].index(word)
        vectors = a["vectors"].astype(float)
        lengths = np.maximum(a["lengths"].astype(float), 1e-9)
        if words["centre"]:
            for layer in dict.fromkeys(self.layer_of):
                rows = np.asarray(self.layer_of) == layer
                living = rows & (self.counts > 0)
                if living.any():
                    vectors[rows] -= vectors[living].mean(0)
            lengths = np.maximum(np.linalg.norm(vectors, axis=1), 1e-9)
            vectors = vectors / lengths[:, None]
        score = vectors @ a["words/vectors"][number].astype(float)
        size = [max(0, sum(s <= n for s in words["set_sizes"][1:])) if n else 0 for n in self.counts]
        mean, sd = (a[f"words/null_{name}"][number, size].astype(float) for name in ("mean", "sd"))
        z = (score - mean / lengths) / (np.maximum(sd, 1e-9) / lengths)
        skewed = a.get("words/null_skewness")  # older files have none
        skewness = np.maximum(0 if skewed is None else skewed[number, size].astype(float), 1e-3)
        return score, 6 / skewness * (np.cbrt(np.maximum(1 + z * skewness / 2, 0)) - 1) + skewness / 6

    def _hits(self, word, layer, result):
        rows = result["rows"]
        here = np.asarray([layer in (None, of) for of in self.layer_of])
        if not word:
            return rows.tolist() == np.flatnonzero(here).tolist()
        score, z = self.scored(word)
        told = self.parts["words"]["answers"][self.parts["words"]["names"].index(word)]
        living = here & (self.counts > 0)
        p = np.asarray([0.5 * math.erfc(v / math.sqrt(2)) for v in z])
        firm = abs(p - 0.01) > 1e-4  # else it may stand on either side of the line
        order = [(not p[row] <= 0.01, -score[row]) for row in rows.tolist() if firm[row]]
        return (
            sorted(rows.tolist()) == np.flatnonzero(living).tolist()
            and all(a <= (b[0], b[1] + 1e-5) for a, b in pairwise(order))
            and np.allclose(result["scores"], score[rows], atol=1e-5)
            and np.allclose(result["z"], z[rows], rtol=1e-3, atol=1e-3)
            and np.allclose(result["p"], p[rows], rtol=1e-2, atol=1e-6)
            and result["message"] == told["message"]
            and result["not_found"] == told["not_found"]
        )

    def label(self, row):
        """(text, confident) of a component's label, or None."""
        own = self.parts.get("own_labels", {})
        if self.ids[row] in own:
            return own[self.ids[row]], True
        if "labels" not in self.parts:
            return None
        words = self.arrays["labels/words"]
        names = self.parts["labels"]["names"]
        if not words[row, 0] < len(names):
            return None
        reply = self._reply("labels")
        accepted = reply is not None and reply["accepted"].reshape(words.shape)[row, 0] == 1
        return names[words[row, 0]], accepted

    def _component(self, row, got):
        responses = self.arrays["example_responses"][row, : self.counts[row]]
        label = got["label"] and (got["label"]["text"], got["label"]["confident"])
        return (
            got["id"] == self.ids[row]
            and got["dead"] == (self.counts[row] == 0)
            and np.array_equal(np.asarray(got["responses"], np.float32), responses)
            and label == self.label(row)
        )

    def _card(self, row, word, got):
        a = self.arrays
        names = self.parts.get("words", {}).get("names", [])
        good = self._component(row, got) and got["histogram"]["counts"] == a["bins"][row].tolist()
        width = 2.0 ** float(a["exponent"][row])
        start = -32 * width if a["negative"][row] else 0.0
        good &= np.allclose(got["histogram"]["edges"], start + width * np.arange(65))
        if word in names:
            score, z = self.scored(word)
            good &= np.allclose([got["score"], got["z"]], [score[row], z[row]], rtol=1e-3, atol=1e-3)
        if got["label"] and not got["label"]["own"]:
            kept = [a[f"labels/{name}"][row, 0] for name in ("scores", "confidence")] + [a["labels/margins"][row]]
            told = [got["label"][name] for name in ("score", "confidence", "margin")]
            good &= np.allclose(np.asarray(told, float), np.asarray(kept, float), equal_nan=True)
        known = self.parts.get("answers", {}).get("relevance")
        if known:
            numbers, shares = a["answers/relevance.classes"][row], a["answers/relevance.shares"][row]
            told = [(c["name"], np.float32(c["share"])) for c in got["relevance"]["classes"]]
            good &= told == [(known["classes"][n]["name"], s) for n, s in zip(numbers, shares, strict=True)]
        cosines = a["vectors"].astype(float) @ a["vectors"][row]
        return good and all(abs(cosines[near["row"]] - near["score"]) < 1e-5 for near in got["siblings"])

    def _example(self, row, got):
        a = self.arrays
        image, crop = int(a["example_images"][row, 0]), a["crop_of"][row, 0]
        name, label = str(image), None
        if image in a["image_ids"].tolist():
            at = a["image_ids"].tolist().index(image)
            begin, end = a["image_name_offsets"][at : at + 2]
            name, number = a["image_names"][begin:end].tobytes().decode("utf-8", "replace"), int(a["image_labels"][at])
            classes = self.document["classes"]
            label = None if number < 0 else classes[number] if number < len(classes) else str(number)
        begin, end = a["thumbnail_offsets"][crop : crop + 2]
        picture = a["thumbnails"][begin:end].tobytes()
        return (
            (got["name"], got["label"], np.float32(got["response"])) == (name, label, a["example_responses"][row, 0])
            and got["image"] == picture
            and zlib.crc32(picture) == a["thumbnail_checksums"][crop]
        )

    def _reply(self, verb, args=None):
        for number, reply in enumerate(self.parts.get("answers", {}).get("replies", [])):
            if reply["verb"] == verb and reply["args"] == (args or {}):
                found = dict(reply["result"])
                for at, (name, kind, _) in enumerate(found.pop("buffers", ())):
                    found[name] = np.frombuffer(self.arrays[f"answers/{number}.{at}"].tobytes(), KINDS[kind])
                return found
        return None

    def _recorded(self, verb, args, result):
        if verb == "meanings":
            each = [self._reply(verb, {"rows": [row]}) for row in args["rows"]]
            return result["meanings"] == [meaning for reply in each for meaning in reply["meanings"]]
        expected = self._reply(verb, args)
        return result.keys() == expected.keys() and all(map(_same, result.values(), map(expected.get, result)))


def _same(one, other):
    """Whether two values of an answer are equal; no number is as good as another that is none."""
    floats = all(isinstance(value, np.ndarray) and value.dtype.kind == "f" for value in (one, other))
    return np.array_equal(one, other, equal_nan=floats)
