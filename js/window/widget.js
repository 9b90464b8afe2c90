/** The one window of `lens.show()`. */

import { withCatalog } from "../shared/catalog.js";
import { mount } from "../shared/mount.js";
import { windowView } from "./view.js";

/** @param {{model: import("../shared/channel.js").Model, el: HTMLElement, signal?: AbortSignal}} widget */
const render = (widget) => mount(widget, withCatalog(windowView));

export default { render };
