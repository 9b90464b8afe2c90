/** The line above the rows: what they are sorted by, which are left out, and whether both ends stand side by side. */

import { button, fill, html } from "../shared/dom.js";
import { count, plural } from "../shared/format.js";
import { latest } from "../shared/latest.js";
import { literal } from "../shared/python.js";
import { asPython, EVERYTHING, filters } from "./listing.js";

/** After the last digit of a density, before it counts, in ms. */
const TYPING = 300;

/** @typedef {import("./listing.js").Wish} Wish */

/** A density as it is typed, in %, as a share; null for none. @param {HTMLInputElement} field */
const shareOf = ({ value }) => (value === "" || !Number.isFinite(Number(value)) ? null : Number(value) / 100);

/**
 * What stands in the line.
 * @param {object} on
 * @param {(part: Partial<Wish>) => void} on.change @param {() => void} on.typed a density
 * @param {() => void} on.turnOrder @param {() => void} on.turnEnds @param {() => void} on.reset
 */
function controls({ change, typed, turnOrder, turnEnds, reset }) {
  const sort = /** @type {HTMLSelectElement} */ (
    html`<select aria-label="Sort by" data-testid="sort-by" onchange=${() => change({ by: sort.value || null })} />`
  );
  const turn = button({
    label: "Largest first; press for smallest first",
    text: "↓",
    class: "sl-square sl-small",
    "data-testid": "sort-order",
    onclick: turnOrder,
  });
  const show = /** @type {HTMLSelectElement} */ (
    html`<select aria-label="Components shown" data-testid="show-alive"
      onchange=${() => change({ show: /** @type {Wish["show"]} */ (show.value) })} />`
  );
  const field = (/** @type {"from" | "to"} */ end, /** @type {string} */ label) =>
    /** @type {HTMLInputElement} */ (
      html`<input type="number" min="0" max="100" step="any" class="sl-input sl-box sl-text sl-density" aria-label=${label}
        title=${label} data-testid="density-${end}"
        oninput=${typed} />`
    );
  const from = field("from", "Density at least: % of the images it is active on");
  const to = field("to", "Density at most: % of the images it is active on");
  const ofClass = /** @type {HTMLSelectElement} */ (
    html`<select aria-label="Examples of" data-testid="examples-of" onchange=${() => change({ of: ofClass.value || null })} />`
  );
  const classes = html`<label class="sl-select" title="At least one of its strongest examples is of this class"><span class="sl-quiet">Examples of</span>${ofClass}</label>`;
  const both = button({
    text: "Both ends",
    title: "Positive and negative end of each component, side by side",
    class: "sl-outlined",
    "data-testid": "both-ends",
    onclick: turnEnds,
  });
  const clear = button({
    text: "Show all",
    class: "sl-outlined",
    "data-testid": "show-all",
    onclick: reset,
  });
  const told = html`<span class="sl-quiet sl-nowrap" data-testid="listed" aria-live="polite" />`;
  const node = html`<div class="sl-listing sl-line sl-wraps sl-pad-low sl-under sl-small-text" role="group"
    aria-label="Sort and filter" data-testid="listing" hidden>
    <label class="sl-select"><span class="sl-quiet">Sort</span>${sort}</label>${turn}
    <label class="sl-select"><span class="sl-quiet">Show</span>${show}</label>
    <span class="sl-line sl-gap-4"><span class="sl-quiet">Density</span>${from}<span class="sl-quiet">to</span>${to}<span class="sl-quiet">%</span></span>
    ${classes}${both}${told}${clear}
  </div>`;

  return { node, sort, turn, show, from, to, ofClass, classes, both, told, clear };
}

/**
 * @param {object} options
 * @param {import("../shared/channel.js").Channel["ask"]} options.ask
 * @param {() => void} options.onChange others are wished, or the numbers have come
 * @param {(python: string) => void} options.showPython
 * @param {(error: unknown) => void} options.fail
 */
export function listingBar({ ask, onChange, showPython, fail }) {
  /** @type {Wish} */
  let wish = { ...EVERYTHING };
  let ends = false;
  let signed = false;
  /** What there is, once it is known. @type {{columns: {name: string, about: string}[], classes: string[], alive: Uint8Array, density: Float32Array} | null} */
  let known = null;
  let wanted = false;
  /** Columns that have come, by verb and name. @type {Map<string, Float32Array>} */
  const numbers = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;

  const { node, sort, turn, show, from, to, ofClass, classes, both, told, clear } = controls({
    change,
    typed() {
      clearTimeout(typing);
      typing = setTimeout(() => change({ from: shareOf(from), to: shareOf(to) }), TYPING);
    },
    turnOrder: () => change({ descending: !wish.descending }),
    turnEnds() {
      ends = !ends;
      draw();
      onChange();
    },
    reset,
  });

  const facts = latest(
    async (signal) => {
      try {
        return await ask("listing", {}, { signal });
      } catch (error) {
        // An older file, or kernel, has nothing to sort by.
        if (["NeedsKernel", "ValueError"].includes(/** @type {Error} */ (error).name)) return null;
        throw error;
      }
    },
    (answer) => {
      known = answer;
      if (wish.by && !known?.columns.some(({ name }) => name === wish.by)) wish = { ...wish, by: null };
      draw();
      fetchColumns();
      onChange();
    },
    fail,
  );
  const columns = latest(
    /** @param {AbortSignal} signal @param {[string, string][]} missing */
    async (signal, missing) => {
      for (const [verb, name] of missing)
        numbers.set(`${verb} ${name}`, (await ask(verb, { name }, { signal })).numbers);
    },
    onChange,
    fail,
  );

  /** Asks for the columns of the wish that are not known. */
  function fetchColumns() {
    /** @type {[string, string | null][]} */
    const all = [
      ["column", wish.by],
      ["examples_of", wish.of],
    ];
    const missing = /** @type {[string, string][]} */ (
      all.filter(([verb, name]) => name !== null && !numbers.has(`${verb} ${name}`))
    );
    if (missing.length) columns.start(missing);
    return missing.length > 0;
  }

  /** @param {Partial<Wish>} part */
  function change(part) {
    wish = { ...wish, ...part };
    if ("by" in part) wish.descending = true;
    draw();
    showPython(asPython(wish, literal));
    if (!fetchColumns()) onChange();
  }

  function reset() {
    from.value = to.value = "";
    change({ ...EVERYTHING, by: wish.by, descending: wish.descending });
    sort.focus();
  }

  function draw() {
    if (!known) return;
    const { columns: all, alive } = known;
    const option = (/** @type {string} */ value, /** @type {string} */ text, title = "") =>
      html`<option value=${value} title=${title}>${text}</option>`;
    fill(sort, option("", "as found"), ...all.map(({ name, about }) => option(name, name, about)));
    sort.value = wish.by ?? "";
    sort.title =
      all.find(({ name }) => name === wish.by)?.about ??
      "In the order of the search; without a search, by number";
    turn.hidden = wish.by === null;
    turn.textContent = wish.descending ? "↓" : "↑";
    turn.title = wish.descending
      ? "Largest first; press for smallest first"
      : "Smallest first; press for largest first";
    turn.setAttribute("aria-label", turn.title);
    const active = alive.reduce((sum, one) => sum + one, 0);
    fill(
      show,
      option("all", `all ${count(alive.length)}`),
      option("alive", `active (${count(active)})`),
      option(
        "dead",
        `never active (${count(alive.length - active)})`,
        "Components that are active on none of these images",
      ),
    );
    show.value = wish.show;
    fill(ofClass, option("", "any class"), ...known.classes.map((name) => option(name, name)));
    ofClass.value = wish.of ?? "";
    classes.hidden = !known.classes.length;
    both.hidden = !signed;
    both.setAttribute("aria-pressed", String(ends));
    clear.hidden = !filters(wish);
  }

  return {
    node,
    get wish() {
      return wish;
    },
    get ends() {
      return ends && signed;
    },
    /** The numbers of the wish; null before they are there. @returns {import("./listing.js").Columns | null} */
    get columns() {
      return (
        known && {
          alive: known.alive,
          density: known.density,
          by: numbers.get(`column ${wish.by}`) ?? null,
          of: numbers.get(`examples_of ${wish.of}`) ?? null,
        }
      );
    },
    /** Rows are in sight, or not. @param {boolean} sight @param {number} shown @param {number} all */
    place(sight, shown, all) {
      if (sight && !wanted) {
        wanted = true;
        facts.start();
      }
      node.hidden = !sight || !known;
      fill(told, filters(wish) && `${count(shown)} of ${plural(all, "component")}`);
    },
    reset,
    /** @param {Record<string, any>} changed */
    update(changed) {
      if ("layers" in changed) {
        signed = (changed.layers ?? []).some((/** @type {any} */ layer) => layer.signed);
        draw();
      }
      const anew = ["labels_version", "evaluation_version", "relevance_version"].some(
        (name) => name in changed,
      );
      if (!anew || !wanted) return;
      numbers.clear();
      facts.start();
    },
    destroy() {
      clearTimeout(typing);
      facts.stop();
      columns.stop();
    },
  };
}
