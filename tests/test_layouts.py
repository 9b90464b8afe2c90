"""What the axes and tokens of a layer count is followed from the images through the model, or refused."""

import pytest
import torch
from PIL import Image
from torch import nn
from toy import to_pixels

import semlens_widgets as sl
from semlens_widgets.model import Layer, recording, resolve, settled
from semlens_widgets.model.reading import pooled


def layout(model, layer, size=(3, 16, 32)):
    torch.manual_seed(0)
    return settled(model, resolve(model, layer), torch.randn(2, *size))[0].layout


class Net(nn.Module):
    """`layer` says what `make` makes of features [n 6 4 8]."""

    def __init__(self, make):
        super().__init__()
        self.first, self.layer = nn.Conv2d(3, 6, 4, stride=4), nn.Identity()
        self.make, self.tokens = make, nn.Parameter(torch.randn(1, 1, 6))
        self.registers, self.mix = nn.Parameter(torch.randn(1, 3, 6)), nn.Linear(32, 32)

    def forward(self, x):
        return self.layer(self.make(self, self.first(x)))


def tokens(net, x):
    return x.flatten(2).transpose(1, 2)


@pytest.mark.parametrize("make", [lambda x: x, lambda x: x.movedim(-1, 1).contiguous().movedim(1, -1)])
def test_the_largest_and_its_first_place_are_found_whatever_lies_side_by_side(make):
    values = make(torch.randint(-3, 4, (2, 5, 11)).float())
    found = pooled(values, "max")
    torch.testing.assert_close(found.values, values.amax(-1))
    first = [[row.tolist().index(max(row.tolist())) for row in image] for image in values]
    assert found.peaks.tolist() == first


AXES = {
    "as a convolution gives them": (lambda net, x: x, "nchw"),
    "channels last": (lambda net, x: x.permute(0, 2, 3, 1), "nhwc"),
    "columns before rows": (lambda net, x: x.transpose(2, 3), "ncwh"),
    "tokens": (tokens, "ntc"),
    "tokens last": (lambda net, x: x.flatten(2), "nct"),
    "tokens first": (lambda net, x: x.flatten(2).permute(2, 0, 1), "tnc"),
    "a mixer's tokens": (lambda net, x: net.mix(x.flatten(2)), "nct"),
    "pooled": (lambda net, x: x.mean((2, 3)), "nc"),
    "pooled, places kept": (lambda net, x: x.mean((2, 3), keepdim=True), "nchw"),
    "pooled, channels last": (lambda net, x: x.mean((2, 3), keepdim=True).permute(0, 2, 3, 1), "nhwc"),
    "one feature": (lambda net, x: x[:, :1], "nchw"),
    "attention": (lambda net, x: (tokens(net, x) @ x.flatten(2)).softmax(-1) @ tokens(net, x), "ntc"),
    "windows and back": (
        lambda net, x: (
            x.permute(0, 2, 3, 1).reshape(-1, 2, 2, 4, 2, 6).transpose(2, 3).reshape(-1, 4, 6).sigmoid()
            .reshape(-1, 2, 4, 2, 2, 6).transpose(2, 3).reshape(-1, 4, 8, 6)
        ),
        "nhwc",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("make", "axes"), AXES.values(), ids=AXES)
def test_axes_are_followed(make, axes):
    assert layout(Net(make), "layer").axes == axes


REFUSED = {
    "windows": (lambda net, x: x.reshape(-1, 6, 2, 2, 2, 4).flatten(4), "which axis counts its components is not cert"),
    "images among places": (
        lambda net, x: x.permute(0, 2, 3, 1).reshape(-1, 8, 6),
        r"gives a tensor \[8 8 6\] for 2 images: images are not counted by an axis of their own",
    ),
    "two axes of features": (lambda net, x: x.reshape(-1, 2, 3, 32), r"not certain; say it, as in .*axes='nhwc'"),
    "places twice": (lambda net, x: x.flatten(2).transpose(1, 2) @ x.flatten(2), "not certain"),
    "a constant": (lambda net, x: net.registers.expand(len(x), -1, -1), "does not depend on the images"),
}


@pytest.mark.parametrize(("make", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_certain_is_refused_and_says_what_to_give(make, said):
    with pytest.raises(ValueError, match=said), recording(Net(make), (Layer("layer"),)) as recorder:
        recorder.responses(list(torch.randn(2, 3, 16, 32)), "max")


def test_what_changes_with_the_number_and_size_of_images_decides_where_operations_are_not_known():
    def unknown(net, x):
        return torch.from_numpy(x.numpy().transpose(0, 2, 3, 1).copy())

    net = Net(unknown)
    with recording(net, resolve(net, "layer")) as recorder:
        said = recorder.responses(list(torch.randn(2, 3, 16, 32)), "max")["layer"]
    assert said.values.shape == (2, 6)
    assert said.grid == (4, 8)


def together(net, x):
    return torch.cat([net.tokens.expand(len(x), -1, -1), net.registers.expand(len(x), -1, -1), tokens(net, x)], 1)


@pytest.mark.parametrize(
    ("chosen", "count", "grid"),
    [
        ("class", 1, None), ("registers", 3, None), ("patches", 32, (4, 8)), ("all", 36, None),
        (slice(4, None), 32, (4, 8)),
    ],
)  # fmt: skip
def test_tokens_are_known_by_what_they_are_made_of_and_patches_by_their_grid(chosen, count, grid):
    class Named(Net):
        def __init__(self):
            super().__init__(together)
            self.cls_token = self.tokens
            del self.tokens

        def forward(self, x):
            made = [t.expand(len(x), -1, -1) for t in (self.cls_token, self.registers)]
            return self.layer(torch.cat([*made, tokens(self, self.first(x))], 1))

    net, images = Named(), torch.randn(2, 3, 16, 32)
    with recording(net, (Layer("layer", tokens=chosen),)) as recorder:
        got = recorder.activations(list(images))["layer"]
    with torch.no_grad():
        whole = net(images).transpose(1, 2)
    start = {"class": 0, "registers": 1, "all": 0}.get(chosen, 4) if isinstance(chosen, str) else 4
    torch.testing.assert_close(got.flatten(2), whole[:, :, start : start + count])
    assert tuple(got.shape[2:]) == (grid or (count,))


def test_a_model_without_a_class_token_says_what_its_tokens_are():
    net = Net(tokens)
    said = r"has no tokens 'class' .* its 32 tokens are 32 patches; give tokens='patches'"
    with pytest.raises(ValueError, match=said), recording(net, (Layer("layer", tokens="class"),)) as recorder:
        recorder.responses(list(torch.randn(2, 3, 16, 32)), "max")


def test_a_grid_can_be_given_and_is_held_against_the_tokens():
    def unordered(net, x):
        return tokens(net, x)[:, torch.arange(32)]

    images = list(torch.randn(2, 3, 16, 32))

    def maps(make, **how):
        net = Net(make)
        with recording(net, (Layer("layer", **how),)) as recorder:
            return recorder.activations(images)["layer"].shape

    assert maps(unordered) == (2, 6, 32)
    assert maps(unordered, grid=(4, 8)) == (2, 6, 4, 8)
    with pytest.raises(ValueError, match=r"has 32 tokens, and grid=\(4, 9\)"):
        maps(unordered, grid=(4, 9))
    with pytest.raises(ValueError, match=r"has 4 × 8 patches, and grid=\(8, 4\)"):
        maps(tokens, grid=(8, 4))
    with pytest.raises(ValueError, match=r"grid=\(4, 0\); a grid is \(rows, columns\)"):
        Layer("layer", grid=(4, 0))


def test_crops_lie_where_patches_lie_and_are_refused_where_that_is_not_known():
    """Pictures of 4 × 16 patches, of which one is bright: 64 tokens are no 8 × 8."""
    torch.manual_seed(0)
    pictures, places = [], []
    for row, column in [(0, 3), (3, 12), (2, 0), (1, 15), (3, 7)]:
        picture = torch.zeros(3, 16, 64)
        picture[:, row * 4 : row * 4 + 4, column * 4 : column * 4 + 4] = 1
        pictures.append((picture * 255).to(torch.uint8).permute(1, 2, 0).numpy())
        places.append((column / 16, row / 4, (column + 1) / 16, (row + 1) / 4))
    net = Net(tokens)
    nn.init.constant_(net.first.weight, 1.0)
    data = sl.images([Image.fromarray(p) for p in pictures], transform=to_pixels)
    examples = sl.collect(net, data, "layer", k=5, progress=False)
    found = sl.crop(examples, net, data, "layer", threshold=0.5, progress=False)
    for rank, image in enumerate(found.images[0]):
        left, top, right, bottom = places[image]
        box = found.boxes[0, rank]
        assert box[0] <= (left + right) / 2 <= box[2]
        assert box[1] <= (top + bottom) / 2 <= box[3]

    shuffled = Net(lambda net, x: tokens(net, x)[:, torch.randperm(64)])
    examples = sl.collect(shuffled, data, "layer", k=2, progress=False)
    with pytest.raises(ValueError, match=r"64 tokens of which it is not known where .* grid=\(rows, columns\)"):
        sl.crop(examples, shuffled, data, "layer", progress=False)


def test_a_batch_that_is_put_together_image_by_image_is_followed():
    """As torchvision's detectors do: each image is copied into zeros, through a view of them."""

    class Together(Net):
        def forward(self, x):
            batch = x.new_zeros(len(x), 3, 32, 64)
            for one, place in zip(x, batch, strict=True):
                place[:, :16, :32].copy_(one)
            return super().forward(batch)

    assert layout(Together(lambda net, x: x), "layer").axes == "nchw"
