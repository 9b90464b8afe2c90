/** The button "Figure": what is open as a figure for a paper, made by Python, and the line that makes it again. */

import { button, fill, html, icon } from "./dom.js";
import { download } from "./download.js";
import * as icons from "./icons.js";
import { used } from "./keyboard.js";
import { themeOf } from "./palette.js";
import { literal } from "./python.js";

const FORMATS = ["pdf", "svg", "png"];
/** Columns of most journals, in mm. */
const WIDTHS = [88, 180];
const noClipboard = () =>
  Object.assign(new Error("this page may not write pictures to the clipboard; save the PNG instead"), {
    name: "NothingToShow",
  });
const NAMES = { print: "Print", shown: "As shown" };

/**
 * One figure of what is open: which, its name in the menu, and what of the view's own state it shows, by name.
 * @typedef {{view: string, title: string, options?: Record<string, any>}} Part
 */

/**
 * The line of Python that makes and saves a figure; what is the default goes without saying.
 * @param {string} object @param {Part} part @param {{width: number, theme: string, format: string}} wanted
 */
function lineOf(object, { view, options = {} }, { width, theme, format }) {
  const given = { ...options, width_mm: width, ...(theme !== "print" && { theme }) };
  const named = Object.entries(given).map(([name, value]) => `${name}=${literal(value)}`);
  const call = [...(object === "lens" ? [literal(view)] : []), ...named].join(", ");
  return `${object}.figure(${call}).save(${literal(`${view}.${format}`)})`;
}

/**
 * @param {object} options
 * @param {import("../shared/channel.js").Channel["ask"]} options.ask
 * @param {import("../shared/work.js").Work} options.work
 * @param {(python: string) => void} options.showPython the line of Python that makes the figure
 * @param {(text: string) => void} options.announce @param {(error: unknown) => void} options.fail
 * @param {string} [options.object] what has the figure in Python; without a lens there is one figure, without a name
 * @returns {{node: HTMLElement, update: (state: {tab: string, title: string, figures: readonly string[], parts?: () => Part[]}) => void, close: () => void}}
 *   `parts` says at the moment it is asked which figures the open tab has; without it there is one, of its name
 */
export function figureMenu({ ask, work, showPython, announce, fail, object = "lens" }) {
  let tab = "";
  /** @type {() => Part[]} */
  let partsNow = () => [{ view: tab, title: "" }];
  const wanted = { part: 0, format: "pdf", width: 180, theme: "print" };
  const opener = /** @type {HTMLButtonElement} */ (
    html`<button type="button" class="sl-button sl-outlined sl-figure-button" aria-haspopup="dialog"
      aria-expanded="false" data-testid="figure-button"
      onclick=${() => (menu.hidden ? open() : close(true))}>
      ${icon(icons.download)}
      <span>Figure</span>
    </button>`
  );
  const line = html`<code class="sl-id sl-grows sl-breaks" data-testid="figure-python" />`;
  const notice = html`<p class="sl-quiet sl-small-text" role="status" data-testid="figure-notice" hidden />`;
  const copy = button({
    text: "Copy",
    label: "Copy as a picture",
    class: "sl-outlined",
    "data-testid": "figure-copy",
    onclick: () => run(onCopy),
  });
  const save = button({
    text: "Save",
    class: "sl-main",
    "data-testid": "figure-save",
    onclick: () => run(onSave),
  });
  const partRow = html`<div hidden />`;
  const menu = html`<div class="sl-menu sl-figure-menu sl-box sl-pile sl-gap-8" role="dialog" aria-label="Figure" data-testid="figure-menu" hidden
    onkeydown=${onKey}>
    ${partRow}
    ${row(
      "Format",
      FORMATS.map((format) => [format, format.toUpperCase()]),
      "format",
    )}
    ${row(
      "Width",
      WIDTHS.map((width) => [width, `${width} mm`]),
      "width",
    )}
    ${row("Theme", Object.entries(NAMES), "theme")}
    ${notice}
    <div class="sl-line sl-ends sl-text">${line}<span class="sl-line sl-gap-4">${copy}${save}</span></div>
  </div>`;
  const node = html`<div class="sl-place">${opener}${menu}</div>`;
  document.addEventListener("pointerdown", onElsewhere);

  /**
   * One choice among a few.
   * @param {string} name @param {(readonly [string | number, string])[]} choices @param {keyof typeof wanted} key
   */
  function row(name, choices, key) {
    const buttons = choices.map(([value, text]) =>
      button({
        text,
        "aria-pressed": String(wanted[key] === value),
        "data-testid": `figure-${key}-${value}`,
        onclick: () => {
          Object.assign(wanted, { [key]: value });
          for (const [i, other] of buttons.entries())
            other.setAttribute("aria-pressed", String(choices[i][0] === value));
          drawLine();
        },
      }),
    );
    return html`<div class="sl-line sl-ends sl-text">
      <span class="sl-quiet">${name}</span>
      <div class="sl-toggle" role="group" aria-label=${name}>${buttons}</div>
    </div>`;
  }

  const themeName = () => (wanted.theme === "print" ? "print" : themeOf(node));

  /** @returns {Part} */
  function part() {
    const parts = partsNow();
    return parts[Math.min(wanted.part, parts.length - 1)];
  }

  const python = () => lineOf(object, part(), { ...wanted, theme: themeName() });

  /** Which of several figures, where the open tab has several. */
  function drawParts() {
    const parts = partsNow();
    wanted.part = Math.min(wanted.part, parts.length - 1);
    partRow.hidden = parts.length < 2;
    fill(
      partRow,
      row(
        "Shows",
        parts.map(({ title }, i) => [i, title]),
        "part",
      ),
    );
  }

  function drawLine() {
    line.textContent = python();
    line.title = python();
    notice.hidden = true;
  }

  /** @param {string} format */
  async function make(format) {
    const { view, options = {} } = part();
    const args = { view, format, width: wanted.width, theme: themeName(), options };
    return work("Drawing the figure", (options) => ask("figure", args, options));
  }

  /** @param {() => Promise<void>} action */
  async function run(action) {
    copy.disabled = save.disabled = true;
    try {
      await action();
      showPython(python());
    } catch (error) {
      const { name, message } = /** @type {Error} */ (error);
      if (name !== "NothingToShow") return fail(error);
      notice.hidden = false;
      fill(notice, `${message[0].toUpperCase()}${message.slice(1)}.`);
    } finally {
      copy.disabled = save.disabled = false;
    }
  }

  async function onSave() {
    const made = await make(wanted.format);
    await download(made.file, made.name, node, python());
    announce(`Figure saved as ${made.name}. ${made.caption}`);
    close(true);
  }

  async function onCopy() {
    if (typeof ClipboardItem === "undefined" || !navigator.clipboard?.write) throw noClipboard();
    // The promise goes in, so that the browser still sees the click that asked for it.
    const made = make("png");
    try {
      await navigator.clipboard.write([new ClipboardItem({ "image/png": made.then((m) => m.file) })]);
    } catch (error) {
      await made; // what Python says goes first
      if (/** @type {Error} */ (error).name === "NotAllowedError") throw noClipboard();
      throw error;
    }
    announce("Figure copied as a picture");
    close(true);
  }

  function open() {
    drawParts();
    drawLine();
    menu.hidden = false;
    opener.setAttribute("aria-expanded", "true");
    menu.querySelector("button")?.focus();
  }

  /** @param {boolean} [back] whether the focus goes back to the button */
  function close(back = false) {
    if (menu.hidden) return;
    menu.hidden = true;
    opener.setAttribute("aria-expanded", "false");
    if (back) opener.focus();
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.key !== "Escape") return;
    used(event);
    close(true);
  }

  /** @param {Event} event */
  function onElsewhere(event) {
    if (!node.isConnected) document.removeEventListener("pointerdown", onElsewhere);
    else if (!event.composedPath().includes(node)) close();
  }

  return {
    node,
    close,
    update(state) {
      if (state.tab !== tab) {
        close();
        wanted.part = 0;
      }
      tab = state.tab;
      partsNow = state.parts ?? (() => [{ view: tab, title: "" }]);
      const possible = state.figures.includes(tab);
      opener.disabled = !possible;
      opener.title = possible
        ? "Save as a figure"
        : "A figure is drawn by Python: open the lens in a notebook";
      if (!menu.hidden) drawLine();
    },
  };
}
