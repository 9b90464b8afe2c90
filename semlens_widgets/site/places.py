"""Where things lie in a site: names of files made from layers, and the addresses that lead there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from ..components import Component, Components
from ..session import Session
from ..writing import file_names

LISTED = 200  # components on one page of a list
SIGNS = {"": "", "+": "-pos", "-": "-neg"}
"""What a sign is in the name of a file; `js/page/site.js` reads it off the index."""


@dataclass(frozen=True)
class Places:
    """Files and addresses of a site. Paths are from its top; addresses are paths as a link writes them."""

    components: Components

    @cached_property
    def folders(self) -> tuple[str, ...]:
        """A folder for each layer, in their order."""
        names = file_names(self.components.layers)
        return tuple(names[layer] for layer in self.components.layers)

    def of(self, component: Component) -> str:
        """The name of a component's files, with the folder of its layer and without an ending."""
        folder = self.folders[self.components.layers.index(component.layer)]
        return f"{folder}/{component.index}{SIGNS[component.sign]}"

    def page(self, component: Component) -> str:
        return f"components/{self.of(component)}.html"

    def crops(self, component: Component) -> str:
        return f"crops/{self.of(component)}.webp"

    def listing(self, layer: int, page: int = 0) -> str:
        """One page of the list of a layer's components."""
        return f"components/{self.folders[layer]}/{'index' if page == 0 else f'list-{page + 1}'}.html"


def address(path: str) -> str:
    """A path as a link writes it."""
    return quote(path)


def fragment(component: Component) -> str:
    """What stands behind the # of a page's address, so that it opens this component's card."""
    return quote(str(component), safe=":+")


def link(session: Session, component: int | str | Component, page: str) -> str:
    """See `Lens.link`."""
    found: Component = session.components[session.components.row(component)]
    return f"{page}#{fragment(found)}"
