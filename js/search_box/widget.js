/** `SearchBox`: the search box alone, on traits `query`. */

import "../shared/theme.css";
import "./view.css";
import { mount } from "../shared/mount.js";
import { searchBoxView } from "./view.js";

/** @param {{model: import("../shared/channel.js").Model, el: HTMLElement, signal?: AbortSignal}} widget */
function render(widget) {
  return mount(widget, ["query"], ({ source, set, fail, say }) => {
    const box = searchBoxView({
      onQuery: (query) => set({ query }),
      suggest: source.suggest,
      queryImage: source.queryImage,
      fail,
      say,
    });
    box.node.classList.add("sl-alone");
    return box;
  });
}

export default { render };
