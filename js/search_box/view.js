/** The search box: words and images as chips, each for or against. */

import "./view.css";
import { button, fill, html, icon } from "../shared/dom.js";
import { addressOf } from "../shared/held.js";
import * as icons from "../shared/icons.js";
import { used } from "../shared/keyboard.js";
import * as grammar from "../shared/query.js";
import { MAX_IMAGE_BYTES } from "../shared/source.js";
import { suggestions } from "./suggestions.js";

/** A word that is not yet a chip counts after this much quiet, in ms. */
const IDLE = 400;
/** Of a pasted text, in characters. */
const LONGEST = 200;
/**
 * @param {grammar.Chip} chip @param {{name: string, url?: string} | null} image that the chip stands for
 * @param {{onSign: () => void, onRemove: () => void}} options
 */
function chipOf({ text, negative }, image, { onSign, onRemove }) {
  const name = image?.name ?? text;
  const sign = negative
    ? `Pushes away from ${name}; click to search for it`
    : `Searches for ${name}; click to push away`;
  return html`<span class="sl-chip sl-box sl-text sl-nowrap ${negative ? "sl-negative" : "sl-positive"}" data-testid="chip" data-text=${text}
    data-negative=${String(negative)}>
    ${button({
      label: sign,
      icon: negative ? icons.minus : icons.plus,
      class: "sl-small",
      "data-testid": "chip-sign",
      onclick: onSign,
    })}
    ${image?.url && html`<img class="sl-chip-picture" src=${image.url} alt="" />`}
    <span class="sl-ellipsis" title=${name}>${name}</span>
    ${button({
      label: `Remove ${name}`,
      icon: icons.cross,
      class: "sl-small",
      "data-testid": "chip-remove",
      onclick: onRemove,
    })}
  </span>`;
}

/** What of a pasted text is searched: its first line with something in it, cut to what can be read. @param {string} text */
export function firstLine(text) {
  const line = text.split(/[\r\n]/).find((one) => one.trim()) ?? "";
  return line === text && text.length <= LONGEST ? text : line.trim().slice(0, LONGEST).trim();
}

/**
 * Takes a picture, or of a long text its first line; what is short the browser pastes by itself.
 * @param {ClipboardEvent} event
 * @param {{input: HTMLInputElement, onImage: (image: File) => void, onCut: () => void}} options
 */
function takePasted(event, { input, onImage, onCut }) {
  const image = event.clipboardData?.files[0];
  const text = event.clipboardData?.getData?.("text/plain") ?? "";
  const line = firstLine(text);
  if (!image && line === text) return;
  event.preventDefault();
  if (image) return onImage(image);
  input.setRangeText(line, input.selectionStart ?? 0, input.selectionEnd ?? 0, "end");
  onCut();
}

/** Refuses what the kernel cannot take in. @param {File} image */
function checkImage({ type, size }) {
  const refuse = (/** @type {string} */ text) => Object.assign(new Error(text), { name: "Image not added" });
  if (!["image/png", "image/jpeg"].includes(type))
    throw refuse(`got ${type || "a file of unknown type"}; search takes a PNG or JPEG image.`);
  if (size > MAX_IMAGE_BYTES)
    throw refuse(
      `got ${(size / 2 ** 20).toFixed(1)} MiB; the notebook server carries at most 8 MiB. Make it smaller, or search from a cell.`,
    );
}

/**
 * @param {object} options
 * @param {(query: string) => void} options.onQuery the query, whenever a chip or a settled word changes it
 * @param {(prefix: string, signal: AbortSignal) => Promise<string[]>} options.suggest
 * @param {(image: Blob, name: string) => Promise<{id: string, name: string}>} options.queryImage
 * @param {(error: unknown) => void} options.fail
 * @param {(text: string) => void} options.announce
 * @returns {import("../shared/mount.js").View & {focus: () => void, clear: () => void}}
 */
export function searchBoxView({ onQuery, suggest, queryImage, fail, announce }) {
  /** @type {grammar.Chip[]} */
  let chips = [];
  let sent = "";
  /** @type {Map<string, {name: string, url: string}>} */
  const pictures = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let idle;
  const chipList = html`<span class="sl-chips" role="group" aria-label="Query" data-testid="chips" />`;
  const input = /** @type {HTMLInputElement} */ (
    html`<input class="sl-bare-input sl-query-input" type="text" role="combobox" autocomplete="off" spellcheck="false"
      placeholder="type a word, or drop an image"
      aria-label="Search for a concept: Enter adds a word, a leading minus pushes away"
      aria-autocomplete="list" data-testid="search-input"
      oninput=${onInput} onkeydown=${onKey} onblur=${() => setTimeout(words.close, 100)} />`
  );
  const words = suggestions({ input, suggest, onWord: take, fail });
  const file = /** @type {HTMLInputElement} */ (
    html`<input type="file" accept="image/png,image/jpeg" hidden data-testid="image-file"
      onchange=${() => {
        if (file.files?.[0]) addImage(file.files[0]);
        file.value = "";
      }} />`
  );
  const field = html`<div class="sl-query sl-line sl-box" data-testid="query-field" onpointerdown=${onFieldPointer}>
    ${icon(icons.search)}
    ${chipList}
    ${input}
    ${button({
      label: "Search by image",
      icon: icons.image,
      class: "sl-square",
      "data-testid": "image-button",
      onclick: () => file.click(),
    })}
    ${file}
  </div>`;
  const node = html`<div class="sl-search sl-grows sl-place" data-testid="search-box" ondragover=${onDrag}
    ondragleave=${() => field.classList.remove("sl-drop")} ondrop=${onDrop} onpaste=${onPaste}>
    ${field}
    ${words.node}
  </div>`;

  /** @param {PointerEvent} event */
  function onFieldPointer(event) {
    if (event.target !== field && event.target !== chipList) return;
    event.preventDefault();
    input.focus();
  }

  /** @param {readonly grammar.Chip[]} next */
  function commit(next) {
    clearTimeout(idle);
    const query = grammar.write(next);
    if (query === sent) return;
    sent = query;
    onQuery(query);
  }

  /** @param {grammar.Chip[]} next */
  function setChips(next) {
    chips = next;
    drawChips();
    commit(chips);
  }

  const withDraft = () => grammar.add(chips, input.value);

  function onInput() {
    if (input.value.includes(",")) {
      const parts = input.value.split(",");
      input.value = (parts.pop() ?? "").trimStart();
      setChips(grammar.add(chips, parts.join(",")));
    }
    clearTimeout(idle);
    idle = setTimeout(() => commit(withDraft()), IDLE);
    words.look();
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.isComposing) return;
    if (event.key === "Enter") {
      if (words.pointed !== undefined) take(words.pointed);
      else finishWord();
    } else if (event.key === "ArrowDown" && words.isOpen) words.step(1);
    else if (event.key === "ArrowUp" && words.isOpen) words.step(-1);
    else if (event.key === "Escape" && words.isOpen) words.close();
    else if (event.key === "Escape" && (input.value || chips.length)) clear();
    else if (event.key === "Backspace" && !input.value && chips.length) {
      const last = /** @type {grammar.Chip} */ (chips.at(-1));
      chips = chips.slice(0, -1);
      drawChips();
      if (grammar.imageId(last)) commit(chips);
      else {
        input.value = grammar.write([last]);
        clearTimeout(idle);
        idle = setTimeout(() => commit(withDraft()), IDLE);
      }
    } else return;
    used(event);
  }

  function finishWord() {
    const next = withDraft();
    input.value = "";
    words.close();
    setChips(next);
  }

  /** @param {string} word */
  function take(word) {
    input.value = input.value.trim().startsWith("-") ? `-${word}` : word;
    finishWord();
    input.focus();
  }

  function drawChips() {
    fill(chipList, ...chips.map(drawChip));
    input.placeholder = chips.length ? "add a word, or drop an image" : "type a word, or drop an image";
  }

  /** @param {grammar.Chip} chip @param {number} index */
  function drawChip(chip, index) {
    const id = grammar.imageId(chip);
    return chipOf(chip, id === null ? null : { name: `image ${id}`, ...pictures.get(id) }, {
      onSign: () => setChips(grammar.flipped(chips, index)),
      onRemove() {
        setChips(grammar.without(chips, index));
        input.focus();
      },
    });
  }

  /** @param {File} image */
  async function addImage(image) {
    try {
      checkImage(image);
      const { id, name } = await queryImage(image, image.name || "pasted image");
      pictures.set(id, { name, url: await addressOf(image) });
      announce(`Image ${name} added to the query`);
      setChips(grammar.add(chips, `image:${id}`));
    } catch (error) {
      fail(error);
    }
  }

  /** @param {DragEvent} event */
  function onDrag(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    field.classList.add("sl-drop");
  }

  /** @param {DragEvent} event */
  function onDrop(event) {
    field.classList.remove("sl-drop");
    const image = event.dataTransfer?.files[0];
    if (!image) return;
    used(event);
    addImage(image);
  }

  /** @param {ClipboardEvent} event */
  function onPaste(event) {
    takePasted(event, { input, onImage: addImage, onCut });
  }

  function onCut() {
    announce("Only the first line was pasted");
    onInput();
  }

  function clear() {
    input.value = "";
    words.close();
    setChips([]);
  }

  return {
    node,
    clear,
    focus: () => input.focus(),
    update(changed) {
      if (!("query" in changed) || changed.query === sent) return;
      clearTimeout(idle);
      sent = changed.query;
      if (grammar.write(withDraft()) === sent) return;
      chips = grammar.parse(sent);
      input.value = "";
      words.close();
      drawChips();
    },
    destroy() {
      clearTimeout(idle);
      words.close();
      for (const { url } of pictures.values()) URL.revokeObjectURL(url);
    },
  };
}

/** The box alone. @type {import("../shared/alone.js").CreateView} */
export const searchBoxAlone = ({ source, act, fail, announce }) =>
  searchBoxView({
    onQuery: (query) => act("query", query),
    suggest: source.suggest,
    queryImage: source.queryImage,
    fail,
    announce,
  });
