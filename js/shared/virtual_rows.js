/**
 * A list of any length in which only the rows in sight are drawn.
 *
 * One row is the active one: keys move it, Tab leads to it, and it stays drawn wherever it is, so that the focus never
 * falls out of the document. What the rows in sight show is asked for at once, but while they fly past only so often.
 */

import * as grid from "./grid.js";
import { preferences } from "./preferences.js";
import { onResize } from "./surroundings.js";

/** Height in px taken for a list that is not laid out, as in a tab that is hidden. */
const UNSEEN = 448;
/** No list is seen higher than this, in px: one that nothing holds would draw all its rows. */
const HIGHEST = 4000;
/** While the rows fly past, what they show is asked for at most this often, in ms. */
const ASK_EVERY = 100;
/** So many new rows in one frame, and the rows fly past. */
const FLYING = 4;

/** The position of the row in which something happened, or null. @param {Event} event */
export function positionOf(event) {
  const row = /** @type {HTMLElement | null} */ (
    /** @type {Element} */ (event.target).closest?.("[data-position]")
  );
  return row ? Number(row.dataset.position) : null;
}

/** Letters held with Ctrl or Cmd belong to the host, and a person may have letters switched off. @param {KeyboardEvent} event */
const isForHost = ({ key, ctrlKey, metaKey }) =>
  key.length === 1 && key !== " " && (ctrlKey || metaKey || !preferences().keys);

/**
 * Asks for what is in sight: at once, but while more is wanted only so often.
 * @param {(positions: number[]) => void} ask @param {() => number[]} inSight
 */
function paced(ask, inSight) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let last = Number.NEGATIVE_INFINITY;

  function now() {
    timer = undefined;
    const positions = inSight();
    if (!positions.length) return;
    last = performance.now();
    ask(positions);
  }

  return {
    soon() {
      if (timer !== undefined) return;
      const wait = last + ASK_EVERY - performance.now();
      if (wait > 0) timer = setTimeout(now, wait);
      else now();
    },
    /** Gives up what waits; the next is asked at once. */
    stop() {
      clearTimeout(timer);
      timer = undefined;
      last = Number.NEGATIVE_INFINITY;
    },
  };
}

/**
 * Which rows fly past, drawn in brief: nobody reads them. @param {(position: number) => void} redraw one that rests
 */
function passingRows(redraw) {
  /** @type {Set<number>} */
  const brief = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let last = Number.NEGATIVE_INFINITY;
  return {
    /** Whether so many rows, so soon after the last, fly past. @param {number} coming */
    fly(coming) {
      const before = last;
      last = performance.now();
      return coming >= FLYING && last - before < ASK_EVERY;
    },
    /** @param {number} position @param {boolean} drawnInBrief */
    is: (position, drawnInBrief) => void brief[drawnInBrief ? "add" : "delete"](position),
    /** Unless more come soon, those drawn in brief are drawn whole. */
    rest() {
      if (!brief.size) return;
      clearTimeout(timer);
      timer = setTimeout(() => {
        for (const position of [...brief]) redraw(position);
        brief.clear();
      }, ASK_EVERY);
    },
    stop() {
      clearTimeout(timer);
      brief.clear();
    },
  };
}

/**
 * @param {object} options
 * @param {HTMLElement} options.scroller the part that scrolls, `body` in it the part as high as all rows
 * @param {HTMLElement} options.body
 * @param {(position: number) => HTMLElement} options.draw one row; its place is given to it here
 * @param {(position: number) => HTMLElement} [options.brief] draws one that flies past; it is drawn whole once it rests
 * @param {(row: HTMLElement, position: number) => void} [options.mark] shows on a row whether it is chosen
 * @param {(positions: number[]) => void} options.ask for what these rows show
 * @param {(position: number) => boolean} [options.holds] whether a row out of sight has to stay drawn
 * @param {boolean} [options.roving] whether rows take the focus; else the scroller has it
 * @param {HTMLElement} [options.table] its heads stand beside the scroll bar, the width of which it is told
 * @param {number} [options.spare] rows drawn beyond each edge of what is seen
 */
export function virtualRows({
  scroller,
  body,
  draw: drawRow,
  brief,
  mark: markRow = () => {},
  ask,
  holds = () => false,
  roving = true,
  table,
  spare = 4,
}) {
  /** @type {grid.Grid} */
  let layout = { count: 0, row: 1, cut: null, divider: 0 };
  let active = 0;
  /** @type {Map<number, HTMLElement>} by position */
  const drawn = new Map();
  let scheduled = 0;
  const asking = paced(ask, inSight);
  const passing = passingRows(redraw);
  const height = () => Math.min(HIGHEST, scroller.clientHeight || UNSEEN);
  /** The height for which the list was last scrolled. */
  let scrolledFor = height();

  const stopResizing = onResize(scroller, resize);
  scroller.addEventListener("scroll", schedule);

  /** The active row stays whole in sight where it was so before. */
  function resize() {
    const top = grid.topOf(layout, active);
    if (top >= scroller.scrollTop && top + layout.row <= scroller.scrollTop + scrolledFor) bringIntoSight();
    scrolledFor = height();
    schedule();
  }

  function bringIntoSight() {
    scroller.scrollTop = grid.scrollTo(layout, active, scroller.scrollTop, height());
  }

  function schedule() {
    scheduled ||= requestAnimationFrame(() => {
      scheduled = 0;
      draw(true);
    });
  }

  function inSight() {
    if (!layout.count) return [];
    const [first, end] = grid.visible(layout, scroller.scrollTop, height(), spare);
    return [...new Set([active, ...Array.from({ length: end - first }, (_, i) => first + i)])];
  }

  /**
   * Draws the rows that came into sight, in their order; those that are drawn already are left as they are.
   * @param {boolean} [scrolled] whether they may be drawn in brief
   */
  function draw(scrolled = false) {
    const hadFocus = body.contains(document.activeElement);
    const wanted = new Set(inSight());
    const flying = scrolled && passing.fly([...wanted].filter((position) => !drawn.has(position)).length);
    for (const [position, row] of drawn) {
      if (wanted.has(position)) continue;
      if (holds(position)) wanted.add(position);
      else {
        drawn.delete(position);
        row.remove();
      }
    }
    /** @type {HTMLElement | null} */
    let below = null;
    for (const position of [...wanted].sort((a, b) => b - a)) {
      const row = drawn.get(position) ?? make(position, flying && position !== active ? brief : undefined);
      if (row.parentNode !== body) body.insertBefore(row, below);
      below = row;
    }
    if (hadFocus && !body.contains(document.activeElement)) focus();
    passing.rest();
    asking.soon();
  }

  /** @param {number} position @param {typeof brief} [inBrief] */
  function make(position, inBrief) {
    const row = (inBrief ?? drawRow)(position);
    passing.is(position, inBrief !== undefined);
    row.classList.add("sl-placed");
    row.dataset.position = String(position);
    row.style.top = `${grid.topOf(layout, position)}px`;
    if (row.getAttribute("role") === "row") {
      // The heads are the first row.
      row.setAttribute("aria-rowindex", String(position + 2));
    } else {
      row.setAttribute("aria-posinset", String(position + 1));
      row.setAttribute("aria-setsize", String(layout.count));
    }
    drawn.set(position, row);
    markOne(row, position);
    return row;
  }

  /** @param {HTMLElement} row @param {number} position */
  function markOne(row, position) {
    if (roving) row.tabIndex = position === active ? 0 : -1;
    markRow(row, position);
  }

  function mark() {
    for (const [position, row] of drawn) markOne(row, position);
  }

  /** Makes a row the active one and brings it into sight; the focus stays where it is. @param {number} position */
  function reveal(position) {
    active = position;
    bringIntoSight();
    draw();
    mark();
  }

  function focus() {
    const target = roving ? drawn.get(active) : scroller;
    target?.focus({ preventScroll: true });
  }

  /** Draws one row anew; the others are left alone, with what is hovered in them. @param {number} position */
  function redraw(position) {
    const old = drawn.get(position);
    if (!old) return;
    const hadFocus = old === document.activeElement;
    const row = make(position);
    old.replaceWith(row);
    if (hadFocus) row.focus({ preventScroll: true });
  }

  function undraw() {
    const gone = [...drawn.values()];
    passing.stop();
    drawn.clear();
    for (const row of gone) row.remove();
  }

  return {
    get active() {
      return active;
    },
    set active(position) {
      active = position;
    },
    get layout() {
      return layout;
    },
    /** The drawn row at a position. @param {number} position */
    at: (position) => drawn.get(position),
    draw: () => draw(),
    mark,
    focus,

    /** Other contents: all rows are drawn anew, and what they show is asked for at once. @param {grid.Grid} [next] */
    lay(next = layout) {
      const hadFocus = body.contains(document.activeElement);
      layout = next;
      active = Math.min(active, Math.max(0, layout.count - 1));
      undraw();
      body.style.height = `${grid.totalHeight(layout)}px`;
      asking.stop();
      draw();
      if (hadFocus && !body.contains(document.activeElement)) focus();
      table?.style.setProperty(
        "--sl-scrollbar",
        `${Math.min(12, scroller.offsetWidth - scroller.clientWidth)}px`,
      );
    },

    /** The same rows at other heights. @param {grid.Grid} next */
    shift(next) {
      layout = next;
      body.style.height = `${grid.totalHeight(layout)}px`;
      for (const [position, row] of drawn) row.style.top = `${grid.topOf(layout, position)}px`;
      draw();
    },

    redraw,
    reveal,

    /** Makes a row the active one, whole in sight, with the focus. @param {number} position */
    goTo(position) {
      reveal(position);
      if (roving) focus();
    },

    /** Where a key takes the active row; null where it does not move it. @param {KeyboardEvent} event */
    stepOf(event) {
      const page = Math.max(1, Math.floor(height() / layout.row) - 1);
      return isForHost(event) ? null : grid.step(event.key, active, layout.count, page);
    },

    /** Takes all rows away: something else stands in their place. */
    clear() {
      layout = { ...layout, count: 0 };
      asking.stop();
      undraw();
    },

    destroy() {
      cancelAnimationFrame(scheduled);
      passing.stop();
      asking.stop();
      stopResizing();
    },
  };
}
