"""Recording: runs batches through a model and reads what its layers say, at the moment they say it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from ..stacked import as_one
from .attaching import attach
from .layer import Layer
from .layouts import NotCertain, is_settled, settled, settled_by
from .quick import alike, gains, turned
from .reading import Pooled, Pooling, Responses, arranged, pooled
from .running import alone, evaluating
from .unusual import as_modules, out_of_reach, why_silent

if TYPE_CHECKING:
    import torch

    from .following import Following

T = TypeVar("T")


class _Stop(BaseException):
    """Raised by the last recorded layer: what lies above it need not be computed. No model's `except` is meant."""


class Recorder:
    """Runs batches and reads layers. Made by `recording`, valid inside its `with` only."""

    def __init__(self, model: torch.nn.Module, layers: tuple[Layer, ...], quick: bool) -> None:
        self.model, self.layers = model, layers
        self.device, self.dtype = runs_on(model)
        self._quick = quick and gains(model, self.device, self.dtype)
        self._tried = False  # whether it is known that the model answers pictures alike whose channels are last
        self._read: Callable[[Layer, Any], Any] | None = None
        self._results: dict[str, Any] = {}
        self._calls: dict[str, int] = {}
        self._last: str | None = None  # the layer that ran last in the first batch, once every layer was seen
        self._refused: Exception | None = None  # what reading an output raised
        self._following: Following | None = None  # finds out the axes of layers, while the first batch runs

    def hook(self, at: int) -> Any:
        """What looks at the layer of this number."""

        def keep(output: Any) -> None:
            if self._read is None:
                return
            layer = self.layers[at]
            self._calls[layer.name] = self._calls.get(layer.name, 0) + 1
            try:
                if self._following is not None:
                    layer = settled_by(self._following, layer, output)
                    self.layers = (*self.layers[:at], layer, *self.layers[at + 1 :])
                with _plain(self.device):
                    self._results[layer.name] = self._read(layer, output)
            except Exception as error:
                self._refused = error
                raise _Stop from None
            if self._last == layer.name:
                raise _Stop

        return keep

    def activations(self, items: Sequence[Any], *, whole: bool = False) -> dict[str, torch.Tensor]:
        """One forward pass, stopped after the deepest layer: per layer a tensor [n c h w], [n c t] or [n c].

        The tensors are copies: what follows a layer may work in place. A `whole` pass is not stopped.
        """
        if whole:
            self._last = None
        return self._forward(items, lambda layer, output: arranged(layer, output).clone())

    def responses(self, items: Sequence[Any], pooling: Pooling) -> dict[str, Responses]:
        """One forward pass; per layer its pooled responses. NotFinite names the layer and component."""
        pooled = self.pooled(items, pooling)
        return {layer.name: pooled[layer.name].responses(layer) for layer in self.layers}

    def pooled(self, items: Sequence[Any], pooling: Pooling) -> dict[str, Pooled]:
        """The same, unchecked, where the model runs."""
        return self._forward(items, lambda layer, output: pooled(arranged(layer, output), pooling))

    def _forward(self, items: Sequence[Any], read: Callable[[Layer, Any], T]) -> dict[str, T]:
        """What `read` makes of each layer's output, read before the model goes on.

        In the first batch it is also found out what the axes of the outputs count, and how it is computed faster.
        """
        batch = stack(items).to(self.device, self.dtype, non_blocking=self.device.type == "cuda")
        if self._quick:
            quick = turned(batch)
            if self._tried:
                return self._answers(quick, read)
            self._tried = True
            with suppress(Exception):  # whatever a model says to an order that it does not know
                answers = self._answers(quick, read)
                if alike(answers, self._answers(batch[:1], read)):
                    return answers
            self._quick = False
        return self._answers(batch, read)

    def _answers(self, batch: torch.Tensor, read: Callable[[Layer, Any], T]) -> dict[str, T]:
        self._read = read
        try:
            self._run(batch)
            if isinstance(self._refused, NotCertain):
                self._read = None
                self.layers = settled(self.model, self.layers, batch)
                self._read = read
                self._run(batch)
        finally:
            self._read = None
        if self._refused is not None:
            raise self._refused
        self._check()
        self._last = next(reversed(self._calls))
        return {layer.name: self._results[layer.name] for layer in self.layers}

    def _run(self, batch: torch.Tensor) -> None:
        import torch

        from .following import Following

        shape = tuple(int(n) for n in batch.shape[1:])
        unsettled = not all(is_settled(layer, shape) for layer in self.layers)
        self._results, self._calls, self._refused = {}, {}, None
        self._following = Following(self.model, batch) if unsettled else None
        try:
            with self._following if self._following is not None else nullcontext():
                self.model(batch)
        except _Stop:
            return
        except torch.OutOfMemoryError as error:
            raise MemoryError(
                f"a batch of {len(batch)} does not fit on {self.device}; give a smaller batch_size"
            ) from error
        except (RuntimeError, ValueError, AssertionError) as error:
            raise ValueError(
                f"the model fails on images [channel height width] of shape {tuple(batch.shape[1:])}: "
                f"{(str(error).splitlines() or [type(error).__name__])[0]}; give sl.images the transform that belongs "
                "to the model"
            ) from error

    def _check(self) -> None:
        """Every layer ran once, in this batch as in the first."""
        for layer in self.layers:
            calls = self._calls.get(layer.name, 0)
            if calls == 0:
                raise ValueError(why_silent(self.model, layer))
            if calls > 1:
                raise ValueError(
                    f"the layer {layer.name!r} runs {calls} times in one forward pass, so its activations are "
                    f"ambiguous; choose the module around it ({layer.name.rpartition('.')[0] or 'its parent'!r})"
                )


@contextmanager
def _plain(device: torch.device) -> Iterator[None]:
    """Without the modes that a model may set inside its forward pass: what is read is read in full precision."""
    import torch

    with torch.inference_mode(False), torch.no_grad(), torch.autocast(device.type, enabled=False):
        yield


@contextmanager
def recording(model: torch.nn.Module, layers: tuple[Layer, ...], *, quick: bool = False) -> Iterator[Recorder]:
    """A Recorder on the model's layers. The hooks are gone and the model is as it was, whatever happened.

    quick: for passes over many images: pictures are given channels last where a CPU is faster so, and where the model
           answers the first one alike either way.
    """
    for layer in layers:
        if (why := out_of_reach(model, layer.module)) is not None:
            raise ValueError(why)
    recorder = Recorder(model, layers, quick)
    handles: list[Any] = []
    try:
        with alone(model), evaluating(model), as_modules(model):
            for at, layer in enumerate(layers):
                handles.append(attach(model, layer, recorder.hook(at)))
            yield recorder
    finally:
        for handle in handles:
            handle.remove()


def in_order(model: torch.nn.Module, inputs: torch.Tensor, layers: Sequence[Layer]) -> list[Layer]:
    """The layers in the order in which they answer in a forward pass of `inputs`."""
    finished: dict[str, int] = {}
    handles: list[Any] = []

    def note(name: str) -> Any:
        def hook(output: Any) -> None:
            finished.pop(name, None)
            finished[name] = len(finished)

        return hook

    with alone(model), evaluating(model):
        try:
            for layer in layers:
                handles.append(attach(model, layer, note(layer.name)))
            device, dtype = runs_on(model)
            model(inputs.to(device, dtype))
        finally:
            for handle in handles:
                handle.remove()
    order = list(finished)
    return sorted(layers, key=lambda layer: order.index(layer.name))


def runs_on(model: torch.nn.Module) -> tuple[torch.device, torch.dtype]:
    """The device and the kind of number that a model's images are to have: those of its first weights."""
    import torch

    weights = [*model.parameters(), *model.buffers()]
    first = next((w for w in weights if w.is_floating_point()), None)
    device = weights[0].device if weights else torch.device("cpu")
    return device, first.dtype if first is not None else torch.float32


def is_here(model: torch.nn.Module) -> bool:
    """Whether a model computes on the processors of this machine, not on a device of its own."""
    return runs_on(model)[0].type == "cpu"


def stack(items: Sequence[Any]) -> torch.Tensor:
    """Arrays or tensors of one shape as one batch tensor; rows of one tensor, see `stacked`, are not copied."""
    import torch

    if (whole := as_one(items)) is not None:
        return whole
    tensors = [torch.as_tensor(item) for item in items]
    shapes = sorted({tuple(t.shape) for t in tensors})
    if len(shapes) > 1:
        raise ValueError(
            f"the images of one batch have different sizes ({shapes[0]} and {shapes[1]}); give images(...) a transform "
            "that resizes them, such as the model's own weights.transforms()"
        )
    return torch.stack(tensors)
