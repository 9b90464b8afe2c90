/** The one window of `lens.show()`. */

import { withCatalog } from "../shared/catalog.js";
import { mount } from "../shared/mount.js";
import { TRAITS, windowView } from "./parts.js";

/** @param {{model: import("../shared/channel.js").Model, el: HTMLElement, signal?: AbortSignal}} widget */
const render = (widget) => mount(widget, TRAITS, withCatalog(windowView));

export default { render };
