"""The lens and the data that a plan speaks of."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..clip import OpenClip
from ..images import Images
from ..images import images as data_of
from ..lens import Lens
from ..lens import open as open_lens
from .plan import AuditPlan, PlanError


def lens_of(plan: AuditPlan, *, progress: bool) -> Lens:
    """The lens, fitted, with relevance where it has model and images."""
    with _importing(plan.folder):
        if (file := plan.path("lens", "file")) is not None:
            return open_lens(file)
        if (factory := plan.get("lens", "factory")) is not None:
            made = _called(plan, "lens", factory)
            if not isinstance(made, Lens):
                raise PlanError(f"[lens] factory {factory!r} gives a {type(made).__name__}; it gives a sl.Lens")
        else:
            made = _made(plan)
    if not made.fitted:
        made.fit(progress=progress, batch_size=plan.get("fit", "batch_size", 64))
    return made


def _made(plan: AuditPlan) -> Lens:
    fit = dict(plan.document.get("fit", {}))
    fit.pop("batch_size", None)
    if fit.get("crop") == "none":
        fit["crop"] = None
    about = {name: plan.get("model", name) for name in ("name", "outputs", "output")}
    model = _called(plan, "model", plan.get("model", "factory"))
    if not hasattr(model, "named_modules"):
        raise PlanError(f"[model] factory gives a {type(model).__name__}; it gives a torch module")
    data = _data(plan, "data")
    assert data is not None
    return Lens(model, data, plan.get("model", "layers"), _clip(plan), **fit, **about)


def test_data_of(plan: AuditPlan, lens: Lens) -> Images | None:
    """The images that performance is measured on; None for the lens's own."""
    with _importing(plan.folder):
        return _data(plan, "test", like=lens.source.images)


def _data(plan: AuditPlan, section: str, like: Images | None = None) -> Images | None:
    folder, factory = plan.path(section, "folder"), plan.get(section, "factory")
    if folder is None and factory is None:
        return None
    source: Any = folder if factory is None else _called(plan, section, factory)
    if isinstance(source, Images):
        return source
    if like is not None:
        return data_of(source, transform=like.transform, classes=like.classes)
    transform = None
    if (name := plan.get(section, "transform")) is not None:
        transform = _named(section, "transform", name)
    elif (name := plan.get(section, "transform_factory")) is not None:
        transform = _named(section, "transform_factory", name)()
    return data_of(source, transform=transform, classes=plan.get(section, "classes", ()))


def _clip(plan: AuditPlan) -> OpenClip:
    folder = plan.path("clip", "folder")
    return OpenClip(plan.get("clip", "model") if folder is None else folder, plan.get("clip", "pretrained"))


def _called(plan: AuditPlan, section: str, name: str) -> Any:
    return _named(section, "factory", name)(**plan.get(section, "options", {}))


def _named(section: str, key: str, name: str) -> Callable[..., Any]:
    """What "module:function" names. PlanError where it is not there."""
    module, _, attribute = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise PlanError(f"[{section}] {key} = {name!r} cannot be imported: {error}") from error
    if not callable(found):
        raise PlanError(f"[{section}] {key} = {name!r} is a {type(found).__name__}; it is a function")
    return found


@contextmanager
def _importing(folder: Path) -> Iterator[None]:
    """Modules beside the plan can be imported."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
