/** The components upstream and downstream of one: asked for on demand, because it is computed on its examples. */

import { button, fill, html } from "../shared/dom.js";
import { percent } from "../shared/format.js";
import { latestWork } from "../shared/latest.js";
import { side, signedBar } from "../shared/signed.js";
import { paint, sprites } from "../shared/sprites.js";
import { worker, workLine } from "../shared/work.js";

/** @typedef {{row: number, id: string, share: number, label: import("../shared/source.js").Label | null}} Neighbour */
/** @typedef {{lower: string | null, upper: string | null, upstream: Neighbour[], downstream: Neighbour[], images: number}} Streams */

/**
 * @param {object} options
 * @param {import("../shared/channel.js").Channel["ask"]} options.ask
 * @param {import("../shared/source.js").Source} options.source
 * @param {number} options.size of a crop in image pixels
 * @param {(selection: number[]) => void} options.onSelect
 * @param {(error: unknown) => void} options.fail
 */
export function streamsView({ ask, source, size, onSelect, fail }) {
  const line = workLine();
  const asking = latestWork({ work: worker(line.show), fail });
  const found = html`<div class="sl-pile" data-testid="streams" />`;
  const toggle = button({
    text: "Upstream and downstream",
    class: "sl-outlined",
    "aria-expanded": "false",
    "data-testid": "show-streams",
    onclick() {
      wanted = !wanted;
      follow();
    },
  });
  const node = html`<div class="sl-card-part sl-pile">${toggle}${line.node}${found}</div>`;
  const crops = sprites({ source, examples: 1, size, capacity: 60, onArrive: paintCrops, onError: fail });
  let wanted = false;
  /** @type {number | null} */
  let row = null;
  function paintCrops() {
    for (const crop of /** @type {NodeListOf<HTMLElement>} */ (found.querySelectorAll("[data-stream]"))) {
      const sheet = crops.get(Number(crop.dataset.stream));
      if (sheet?.count) paint(crop, sheet, 0);
    }
  }

  function follow() {
    asking.stop();
    toggle.setAttribute("aria-expanded", String(wanted));
    fill(found);
    if (!wanted || row === null) return;
    const of = row;
    asking.run("Following relevance", (options) => ask("streams", { row: of }, options), draw);
  }

  /** @param {Streams} streams */
  function draw({ lower, upper, upstream, downstream, images }) {
    fill(
      found,
      lower !== null && part(`Upstream, in ${lower}`, `share, on ${images} examples`, upstream),
      upper !== null && part(`Downstream, in ${upper}`, "share of their relevance", downstream),
    );
    crops.want([...upstream, ...downstream].map((neighbour) => neighbour.row));
    paintCrops();
    node.scrollIntoView?.({ block: "nearest" });
  }

  /** @param {string} title @param {string} unit @param {Neighbour[]} neighbours */
  function part(title, unit, neighbours) {
    const longest = Math.max(0, ...neighbours.map(({ share }) => Math.abs(share)));
    return html`<div class="sl-card-part sl-pile">
      <h3 class="sl-heading">${title}<span class="sl-quiet">${unit}</span></h3>
      ${neighbours.map(
        ({ row: other, id, share, label }) =>
          html`<button type="button" class="sl-sibling sl-stream sl-press sl-pick sl-text"
            title="Select ${id}: ${percent(share)} % ${side(share)}" data-testid="stream"
            onclick=${() => onSelect([other])}>
            <i class="sl-crop" data-stream=${other} />
            <span class="sl-id">${id}</span>
            <span class="sl-ellipsis">${label && label.confident !== false ? label.text : ""}</span>
            ${signedBar(share, longest)}
            <span class="sl-number">${percent(share)}</span>
          </button>`,
      )}
    </div>`;
  }

  return {
    node,
    /** @param {number | null} next @param {boolean} possible whether model and images are at hand */
    show(next, possible) {
      row = possible ? next : null;
      node.hidden = !possible;
      follow();
    },
    destroy() {
      asking.stop();
      crops.clear();
    },
  };
}
