/** Beside the map: what is selected and what it has in common, over the list of all components or of those alone. */

import { componentList } from "../shared/component_list.js";
import "../shared/title.css";
import { button, copyButton, fill, html } from "../shared/dom.js";
import { count as counted, plural } from "../shared/format.js";
import { toggled } from "../shared/selection.js";

/**
 * @param {object} options
 * @param {import("../shared/source.js").Source} options.source
 * @param {ReturnType<typeof import("../shared/names.js").componentNames>} options.names
 * @param {() => number[]} options.allRows in the order in which they are listed
 * @param {(row: number) => {id: string, text: string, quiet: boolean, value: string}} options.describe
 * @param {(next: readonly number[]) => void} options.onChoose
 * @param {(row: number | null) => void} options.onPoint the row under the pointer or the focus
 * @param {(error: unknown) => void} options.fail
 */
export function mapSide({ source, names, allRows, describe, onChoose, onPoint, fail }) {
  /** @type {readonly number[]} */
  let selection = [];
  let showsAll = true;
  /** The selection as it stands in the list: stepping through it changes the primary, but not the order. @type {number[]} */
  let listed = [];
  let listsSelection = false;

  const heading = html`<h2 class="sl-card-title sl-ellipsis" data-testid="map-heading" />`;
  const common = html`<p class="sl-pad-below sl-breaks sl-quiet sl-small-text" data-testid="map-common" />`;
  const tabs = html`<div class="sl-line sl-pad-below sl-under" role="group" aria-label="Listed" />`;
  const clear = button({
    text: "Clear",
    label: "Clear the selection",
    class: "sl-outlined",
    "data-testid": "map-clear",
    onclick: () => onChoose([]),
  });
  const copyIds = copyButton({
    label: "Copy the ids of the selection",
    text: () => selection.map((row) => describe(row).id).join("\n"),
    "data-testid": "map-copy",
  });
  const list = componentList({
    source,
    label: "Components on the map",
    testid: "map-list",
    describe,
    onPoint,
    fail,
    onChoose(row, how) {
      if (how === "toggle") onChoose(toggled(selection, row));
      else if (how === "first") onChoose([row, ...selection.filter((other) => other !== row)]);
      else onChoose([row]);
    },
  });

  /** @param {boolean} [anew] whether the rows are others, or say something else */
  function draw(anew = false) {
    const selectedOnly = !showsAll && selection.length > 0;
    let others = anew || selectedOnly !== listsSelection;
    listsSelection = selectedOnly;
    const kept = new Set(listed);
    if (listed.length !== selection.length || !selection.every((row) => kept.has(row))) {
      listed = [...selection];
      others ||= selectedOnly;
    }
    heading.textContent = selection.length
      ? `${counted(selection.length)} selected`
      : plural(names.count, "component");
    clear.hidden = copyIds.hidden = !selection.length;
    if (selection.length) {
      const some = tab(false, `Selected ${counted(selection.length)}`, "map-list-selected");
      fill(tabs, tab(true, "All", "map-list-all"), some);
    } else fill(tabs);
    common.textContent = selection.length ? shared() : "Click a point, or drag around several with Shift.";
    list.update({
      rows: others ? (selectedOnly ? listed : allRows()) : undefined,
      selection,
      keeps: selectedOnly,
    });
  }

  /** @param {boolean} all @param {string} text @param {string} id */
  const tab = (all, text, id) =>
    button({
      text,
      class: "sl-outlined",
      "aria-pressed": String(all === !listsSelection),
      "data-testid": id,
      onclick: () => {
        showsAll = all;
        draw(true);
      },
    });

  /** What most of the selection is called, in words. */
  function shared() {
    const { named } = names;
    /** @type {Map<number, number>} */
    const times = new Map();
    for (const row of selection)
      if (named.words[row] >= 0) times.set(named.words[row], (times.get(named.words[row]) ?? 0) + 1);
    const [word, most] = [...times].sort((a, b) => b[1] - a[1])[0] ?? [-1, 0];
    if (most < 2) return selection.length === 1 ? describe(selection[0]).text : "no label in common";
    return `${named.names[word]}: ${counted(most)} of ${counted(selection.length)}`;
  }

  return {
    node: html`<aside class="sl-map-side sl-beside sl-sunk sl-stack" aria-label="Components on the map">
      <div class="sl-map-head sl-line">${heading}${copyIds}${clear}</div>
      ${common}
      ${tabs}
      ${list.node}
    </aside>`,
    draw,
    /** @param {readonly number[]} next */
    select(next) {
      selection = next;
      draw();
    },
    /** Lists all components, or the selected ones alone. @param {boolean} all */
    list(all) {
      showsAll = all;
    },
    destroy: list.destroy,
  };
}
