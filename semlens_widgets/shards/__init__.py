"""Work in shards: parts of a pass that any process computes and that are put together exactly.

A shard is a run of whole batches, so that the same kernels see the same numbers whoever computes it. `Engine` hands
shards to an executor; `task` is what happens in a worker, which writes its part to a file under the key of all that
the part depends on. So a worker that dies, a retry and another day all find what is finished. `kit` is what shards
are computed from, and how it travels; `devices` is a pool with one process for each device.
"""

from .devices import check_devices, on_devices
from .engine import Engine, Here, check_executor
from .kit import Factory, Kit
from .task import Part, Shard, cut_up

__all__ = [
    "Engine",
    "Factory",
    "Here",
    "Kit",
    "Part",
    "Shard",
    "check_devices",
    "check_executor",
    "cut_up",
    "on_devices",
]
