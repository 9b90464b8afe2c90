"""A lens, a model and pictures as the plans of the tests name them: `gate_world:lens`."""

from functools import cache

import semlens_widgets as sl
from semlens_widgets.demo.factors import CLASS_NAMES


@cache
def lens():
    made = sl.demo.lens(n=200, layers=["layer4"], progress=False)
    made.relate(method="gradient", progress=False)
    return made


def pictures(n=200, split="unbiased"):
    return sl.images(sl.demo.images(n, 7, split), transform=sl.demo.transform(), classes=CLASS_NAMES)


def number():
    return 7


def transform():
    return sl.demo.transform()
