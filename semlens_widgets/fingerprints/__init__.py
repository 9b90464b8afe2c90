"""What a result depends on, as a hash: of models, functions, data sets and transforms.

A fingerprint is the same for the same content in another process, and another one after any change that a result
could depend on: weights, buffers, plain attributes, hooks, the code of classes and functions with their defaults,
closures and globals, the sizes and dates of files. Libraries count by name, and `program` tells their versions. What
cannot be told gets a fingerprint that nothing else has: results are computed all the same, and not kept.

`code` reads compiled functions, `contents` arrays, tensors and files, `objects` what an object holds, `libraries` whose
code something is, `given` what a user gave to a library; `visit` goes through all that a thing reaches, `graph` is what
it found, `settled` takes out what a run changes by itself.
"""

from .contents import of_files
from .libraries import version
from .settled import (
    Seen,
    combined,
    fingerprint,
    fingerprints,
    of_data,
    of_encoder,
    packed,
    program,
    reasons,
    unpacked,
    versions,
)

__all__ = [
    "Seen",
    "combined",
    "fingerprint",
    "fingerprints",
    "of_data",
    "of_encoder",
    "of_files",
    "packed",
    "program",
    "reasons",
    "unpacked",
    "version",
    "versions",
]
