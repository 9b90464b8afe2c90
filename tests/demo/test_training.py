"""The training functions, a few steps each: they learn, they are seeded, and what they write can be read."""

import numpy as np
import torch

from semlens_widgets.clip import OpenClip
from semlens_widgets.demo.factors import correlated
from semlens_widgets.demo.network import load_classifier
from semlens_widgets.demo.train_classifier import FineTuning, Pretraining, fine_tune, pretrain, save_classifier
from semlens_widgets.demo.train_clip import ClipTraining, save_clip, train_clip, write_tokenizer
from semlens_widgets.demo.world import render


def test_classifier_training_in_small(tmp_path):
    lines = []
    small = Pretraining(images=32, epochs=3, sparse=1, batch=16)
    seeing = pretrain(small, lines.append)
    assert [line.split(":")[0] for line in lines] == [f"see the factors, epoch {i} of 3" for i in (1, 2, 3)]
    again = pretrain(small)
    assert all(torch.equal(a, b) for a, b in zip(seeing.parameters(), again.parameters(), strict=True))

    before = [w.clone() for w in seeing.parameters()]
    kept = []
    tuning = FineTuning(correlated("ruler", 0.8), images=32, epochs=2, batch=16)
    tuned = fine_tune(seeing, tuning, checkpoint=lambda epoch, model: kept.append((epoch, model.fc.weight.clone())))
    assert all(torch.equal(a, b) for a, b in zip(before, seeing.parameters(), strict=True))
    assert [epoch for epoch, _ in kept] == [0, 1]
    assert not torch.equal(kept[0][1], kept[1][1])
    assert not tuned.training

    save_classifier(tuned, tmp_path / "c.safetensors")
    read = load_classifier(tmp_path / "c.safetensors")
    x = torch.zeros(1, 3, 64, 64)
    assert torch.allclose(read(x), tuned(x), atol=1e-2)


def test_clip_training_in_small(tmp_path):
    write_tokenizer(tmp_path)
    lines = []
    recipe = ClipTraining(images=32, warm_up=2, steps=2, batch=8)
    save_clip(train_clip(tmp_path, recipe, lines.append), tmp_path)
    assert lines
    assert lines[0].startswith("CLIP, step 4 of 4")
    clip = OpenClip(tmp_path)
    vectors = clip.images([render(2).pil(i) for i in range(2)])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert clip.texts(["a ruler", "hair", "blue-white veil"]).shape == (3, 128)
