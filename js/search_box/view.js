/** The search box: words and images as chips, each for or against. */

import { isAbort } from "../shared/channel.js";
import { button, fill, html, icon } from "../shared/dom.js";
import * as icons from "../shared/icons.js";
import * as grammar from "../shared/query.js";
import { MAX_IMAGE_BYTES } from "../shared/source.js";

/** A word that is not yet a chip counts after this much quiet, in ms. */
const IDLE = 400;
/** Suggestions are asked for after this much quiet, in ms. */
const DEBOUNCE = 120;

let boxes = 0;

/**
 * @param {object} options
 * @param {(query: string) => void} options.onQuery the query, whenever a chip or a settled word changes it
 * @param {(prefix: string, signal: AbortSignal) => Promise<string[]>} options.suggest
 * @param {(image: Blob, name: string) => Promise<{id: string, name: string}>} options.queryImage
 * @param {(error: unknown) => void} options.fail
 * @param {(text: string) => void} options.say
 * @returns {import("../shared/mount.js").View & {focus: () => void, clear: () => void}}
 */
export function searchBoxView({ onQuery, suggest, queryImage, fail, say }) {
  const listId = `sl-suggestions-${++boxes}-${Math.random().toString(36).slice(2, 8)}`;
  /** @type {grammar.Chip[]} */
  let chips = [];
  let sent = "";
  /** @type {string[]} */
  let words = [];
  let pointed = -1;
  /** @type {Map<string, {name: string, url: string}>} */
  const pictures = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let idle;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let debounce;
  /** @type {AbortController | undefined} */
  let asking;

  const chipList = html`<span class="sl-chips" role="group" aria-label="Query" data-testid="chips" />`;
  const input = /** @type {HTMLInputElement} */ (
    html`<input class="sl-query-input" type="text" role="combobox" autocomplete="off" spellcheck="false"
      placeholder="type a word, or drop an image"
      aria-label="Search for a concept: Enter adds a word, a leading minus pushes away"
      aria-expanded="false" aria-autocomplete="list" aria-controls=${listId} data-testid="search-input"
      oninput=${onInput} onkeydown=${onKey} onblur=${() => setTimeout(closeList, 100)} />`
  );
  const file = /** @type {HTMLInputElement} */ (
    html`<input type="file" accept="image/png,image/jpeg" hidden data-testid="image-file"
      onchange=${() => {
        if (file.files?.[0]) addImage(file.files[0]);
        file.value = "";
      }} />`
  );
  const list = html`<ul class="sl-suggestions" role="listbox" id=${listId} aria-label="Words" hidden
    data-testid="suggestions" />`;
  const field = html`<div class="sl-query" data-testid="query-field" onpointerdown=${onFieldPointer}>
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
  const node = html`<div class="sl-search" data-testid="search-box" ondragover=${onDrag}
    ondragleave=${() => field.classList.remove("sl-drop")} ondrop=${onDrop} onpaste=${onPaste}>
    ${field}
    ${list}
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
    clearTimeout(debounce);
    debounce = setTimeout(askWords, DEBOUNCE);
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.isComposing) return;
    if (event.key === "Enter") {
      if (pointed >= 0) take(words[pointed]);
      else finishWord();
    } else if (event.key === "ArrowDown" && words.length) point(pointed + 1);
    else if (event.key === "ArrowUp" && words.length) point(pointed - 1);
    else if (event.key === "Escape" && !list.hidden) closeList();
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
    event.preventDefault();
    event.stopPropagation();
  }

  function finishWord() {
    const next = withDraft();
    input.value = "";
    closeList();
    setChips(next);
  }

  /** @param {string} word */
  function take(word) {
    input.value = input.value.trim().startsWith("-") ? `-${word}` : word;
    finishWord();
    input.focus();
  }

  async function askWords() {
    asking?.abort();
    const prefix = input.value.trim().replace(/^-\s*/, "");
    if (!prefix) return closeList();
    asking = new AbortController();
    const { signal } = asking;
    try {
      const found = await suggest(prefix, signal);
      if (!signal.aborted && input.value) showWords(found);
    } catch (error) {
      if (!isAbort(error)) fail(error);
    }
  }

  /** @param {string[]} found */
  function showWords(found) {
    words = found.slice(0, 8);
    pointed = -1;
    fill(
      list,
      ...words.map(
        (word, i) =>
          html`<li role="option" id="${listId}-${i}" aria-selected="false" data-testid="suggestion"
            onpointerdown=${(/** @type {PointerEvent} */ event) => {
              event.preventDefault();
              take(word);
            }}>${word}</li>`,
      ),
    );
    list.hidden = !words.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    input.removeAttribute("aria-activedescendant");
  }

  function closeList() {
    asking?.abort();
    clearTimeout(debounce);
    showWords([]);
  }

  /** @param {number} index */
  function point(index) {
    pointed = (index + words.length + 1) % (words.length + 1);
    if (pointed === words.length) pointed = -1;
    for (const [i, option] of [...list.children].entries())
      option.setAttribute("aria-selected", String(i === pointed));
    if (pointed >= 0) input.setAttribute("aria-activedescendant", `${listId}-${pointed}`);
    else input.removeAttribute("aria-activedescendant");
  }

  function drawChips() {
    fill(chipList, ...chips.map(drawChip));
    input.placeholder = chips.length ? "add a word, or drop an image" : "type a word, or drop an image";
  }

  /** @param {grammar.Chip} chip @param {number} index */
  function drawChip(chip, index) {
    const id = grammar.imageId(chip);
    const picture = id ? pictures.get(id) : undefined;
    const name = id ? (picture?.name ?? `image ${id}`) : chip.text;
    return html`<span class="sl-chip ${chip.negative ? "sl-negative" : "sl-positive"}" data-testid="chip"
      data-text=${chip.text} data-negative=${String(chip.negative)}>
      ${button({
        label: chip.negative
          ? `Pushes away from ${name}; click to search for it`
          : `Searches for ${name}; click to push away`,
        icon: chip.negative ? icons.minus : icons.plus,
        class: "sl-chip-part",
        "data-testid": "chip-sign",
        onclick: () => setChips(grammar.flipped(chips, index)),
      })}
      ${picture && html`<img class="sl-chip-picture" src=${picture.url} alt="" />`}
      <span class="sl-chip-text" title=${name}>${name}</span>
      ${button({
        label: `Remove ${name}`,
        icon: icons.cross,
        class: "sl-chip-part",
        "data-testid": "chip-remove",
        onclick: () => {
          setChips(grammar.without(chips, index));
          input.focus();
        },
      })}
    </span>`;
  }

  /** @param {File} image */
  async function addImage(image) {
    if (!["image/png", "image/jpeg"].includes(image.type))
      return fail(
        Object.assign(
          new Error(`got ${image.type || "a file of unknown type"}; search takes a PNG or JPEG image.`),
          { name: "Image not added" },
        ),
      );
    if (image.size > MAX_IMAGE_BYTES)
      return fail(
        Object.assign(
          new Error(
            `got ${(image.size / 2 ** 20).toFixed(1)} MiB; the notebook server carries at most 8 MiB. Make it smaller, or search from a cell.`,
          ),
          { name: "Image not added" },
        ),
      );
    try {
      const { id, name } = await queryImage(image, image.name || "pasted image");
      pictures.set(id, { name, url: URL.createObjectURL(image) });
      say(`Image ${name} added to the query`);
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
    event.preventDefault();
    event.stopPropagation();
    addImage(image);
  }

  /** @param {ClipboardEvent} event */
  function onPaste(event) {
    const image = event.clipboardData?.files[0];
    if (!image) return;
    event.preventDefault();
    addImage(image);
  }

  function clear() {
    input.value = "";
    closeList();
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
      closeList();
      drawChips();
    },
    destroy() {
      clearTimeout(idle);
      clearTimeout(debounce);
      asking?.abort();
      for (const { url } of pictures.values()) URL.revokeObjectURL(url);
    },
  };
}
