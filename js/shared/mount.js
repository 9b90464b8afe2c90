/**
 * The wiring between a widget model and a view, the same for every window: traits flow into the view,
 * what the person does flows back, hits are fetched when the kernel says that they changed, and every
 * failure is told.
 */

import "./theme.css";
import "./layout.css";
import { isAbort, KernelGone, openChannel } from "./channel.js";
import { html } from "./dom.js";
import { bannerPlace, liveRegion } from "./feedback.js";
import { keepKeys, ownHeight } from "./hosts.js";
import { onNotice } from "./notice.js";
import { kernelSource } from "./source.js";
import { read, watch, write } from "./traits.js";
import { kernelSwitch } from "./without_kernel.js";

/**
 * What a view is given. It knows nothing of widgets: the same view works over anything that fills this.
 * @typedef {object} Context
 * @property {import("./source.js").Source} source
 * @property {import("./channel.js").Channel["ask"]} ask any question, in the words of the view that asks; over a
 *   live kernel a request, but anything that answers the same verbs may stand in its place (a file, a test)
 * @property {ReturnType<typeof bannerPlace>} banner
 * @property {(text: string) => void} announce to screen readers
 * @property {(values: Record<string, any>) => boolean} set traits, as something the person did; false where there is no
 *   kernel to take them: the view is then told what they are
 * @property {(error: unknown) => void} fail tells a failure; aborts are silent
 */

/**
 * @typedef {object} View
 * @property {HTMLElement} node
 * @property {(changed: Record<string, any>) => void} update with changed traits, `hits`, `searching`, or `alive`:
 *   whether there is a kernel to ask
 * @property {() => void} destroy
 * @property {() => import("./figure_menu.js").Part[]} [figures] what it can be on paper at this moment, where that is
 *   more than what the lens itself knows
 */

/** Nothing is said about work that is done sooner, in ms. */
const UNNOTICED = 150;
/** Hits that come first: more than are seen before the list is scrolled. The others follow after so many ms. */
const FIRST = 2000;
const REST_AFTER = 150;

/** Hits with those that come after them. @param {any} first @param {any} rest @returns {import("./source.js").Hits} */
function joined(first, rest) {
  const all = { ...first };
  for (const name of ["rows", "scores", "z", "p"]) {
    const { length } = first[name] ?? "";
    if (!length) continue;
    all[name] = new first[name].constructor(length + rest[name].length);
    all[name].set(first[name]);
    all[name].set(rest[name], length);
  }
  return all;
}

/** Widths in px: of a letter of an id, and of the narrowest and widest column of ids. */
const [LETTER, NARROWEST, WIDEST] = [6.7, 66, 220];

/**
 * What the longest id needs, so that none is cut. @param {readonly {name: string, count: number}[] | undefined} layers
 * @returns {number} in px
 */
export function idWidth(layers) {
  // A sign may follow the number.
  const letters = (layers ?? []).map(({ name, count }) => `${name}:${Math.max(0, count - 1)}`.length + 1);
  return Math.round(Math.min(WIDEST, Math.max(NARROWEST, LETTER * Math.max(0, ...letters))));
}

/** Setting one of these is a search: the kernel answers with new hits, or says why not. */
const ASKING = ["query", "layer", "template"];

/**
 * @param {{model: import("./channel.js").Model, el: HTMLElement, signal?: AbortSignal}} widget
 * @param {(context: Context) => View} createView
 * @param {(() => void) | null} [onLive] opens the same with a kernel, where there is none
 * @returns {() => void} takes the view away; so does `signal`
 */
export function mount({ model, el, signal }, createView, onLive = null) {
  /** What the view follows, as the kernel lists it. @type {readonly string[]} */
  const traits = model.get("follows");
  const life = new AbortController();
  const channel = openChannel(model);
  const source = kernelSource(channel.ask);
  const banner = bannerPlace();
  const live = liveRegion();

  /** @param {unknown} error */
  const fail = (error) => {
    if (isAbort(error)) return;
    endSearch();
    if (error instanceof KernelGone) return showGone();
    const { name, message } = /** @type {Error} */ (error);
    const goLive = name === "NeedsKernel" && onLive && { text: "Open in Notebook", onclick: onLive };
    banner.show({
      kind: "error",
      text: "",
      detail: message,
      name,
      action: goLive || undefined,
    });
  };
  const showGone = () =>
    banner.show({
      kind: "gone",
      text: "The kernel is gone.",
      detail: "Run the cell again to reconnect.",
      sticky: true,
    });

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let noticed;
  const followsHits = traits.includes("hits_version");
  let gone = false;
  const view = createView({
    source,
    ask: channel.ask,
    banner,
    announce: live.announce,
    fail,
    set(values) {
      const known = Object.fromEntries(
        Object.entries(values).filter(([name]) => model.get(name) !== undefined),
      );
      if (gone) {
        showGone();
        view.update(read(model, Object.keys(known)));
        return false;
      }
      if (ASKING.some((name) => name in known && known[name] !== model.get(name))) expectHits();
      write(model, known);
      return true;
    },
  });

  const root = html`<div class="semlens" data-lm-suppress-shortcuts="true" data-testid="semlens" />`;
  root.style.setProperty("--sl-id", `${idWidth(model.get("layers"))}px`);
  if (!view.node.contains(banner.node)) root.append(banner.node);
  root.append(view.node, live.node);
  el.append(root);
  keepKeys(root);
  onNotice(root, (detail) => banner.show({ kind: "notice", text: "", detail }));
  const giveBack = ownHeight(root);
  const switchControls = kernelSwitch(root, showGone);

  /** @type {AbortController | undefined} */
  let fetching;
  /** From when the person asks, so that the kernel's own work counts as well: it may load a CLIP first. */
  function expectHits() {
    if (followsHits) noticed ??= setTimeout(() => view.update({ searching: true }), UNNOTICED);
  }

  /** @param {Record<string, any>} [answer] what came, beside the end of the search */
  function endSearch(answer) {
    clearTimeout(noticed);
    noticed = undefined;
    view.update({ ...answer, searching: false });
  }

  async function fetchHits() {
    fetching?.abort();
    fetching = new AbortController();
    const { signal: stale } = fetching;
    expectHits();
    try {
      const hits = await source.hits(stale, { most: FIRST });
      if (stale.aborted) return;
      banner.hide("error");
      endSearch({ hits });
      if (hits.rows.length >= hits.count) return;
      await new Promise((resolve) => setTimeout(resolve, REST_AFTER));
      if (stale.aborted) return;
      const rest = await source.hits(stale, { since: hits.rows.length });
      if (!stale.aborted && rest.query === hits.query) view.update({ hits: joined(hits, rest) });
    } catch (error) {
      if (!stale.aborted) fail(error);
    }
  }

  channel.onEvent("error", (event) => fail({ name: event.type ?? "Error", message: event.message }));
  channel.onEvent("components", () => view.update({ relabelled: true }));
  channel.onLife((alive) => {
    gone = !alive;
    switchControls(alive);
    view.update({ alive });
    if (gone) return fail(new KernelGone());
    banner.hide("gone");
    if (followsHits) fetchHits();
  });

  view.update(read(model, traits));
  watch(
    model,
    traits,
    (changed) => {
      view.update(changed);
      if ("hits_version" in changed) fetchHits();
    },
    life.signal,
  );
  if (followsHits) fetchHits();

  const leave = () => {
    if (life.signal.aborted) return;
    life.abort();
    fetching?.abort();
    view.destroy();
    channel.close();
    giveBack();
    root.remove();
  };
  signal?.addEventListener("abort", leave, { once: true });
  return leave;
}
