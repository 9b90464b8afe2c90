/** Two readers who decide blind: begun, finished, and what they disagree about settled. */

import { button, html } from "../shared/dom.js";
import { plural } from "../shared/format.js";
import { DECISIONS } from "./glyphs.js";
import { panelView } from "./panel.js";

/** @typedef {{subject: string, decisions: string[], settled: {decision: string, note: string, who: string} | null}} Disagreement */
/** @typedef {{readers: string[], subjects: number, open: boolean, done: string[], reads: boolean, left: string[], agreement: {sentence: string, disagreements: Disagreement[]} | null}} Reading */
/** @typedef {import("./panel.js").Kernel} Kernel */

/** @param {string} label @param {string} id @param {string} value */
function line(label, id, value = "") {
  const input = /** @type {HTMLInputElement} */ (
    html`<input type="text" class="sl-input sl-box" data-testid=${id} />`
  );
  input.value = input.defaultValue = value;
  return { input, node: html`<label class="sl-pile"><span class="sl-quiet">${label}</span>${input}</label>` };
}

/** @param {{auditor: string, concepts: number, reading: Reading | null}} state @param {Kernel} kernel */
function draw({ auditor, concepts, reading }, kernel) {
  const who = line("Who decides here now", "reader-auditor", auditor);
  who.input.addEventListener("change", () => kernel.change("readers_called", { name: who.input.value }));
  who.input.addEventListener("keydown", ({ key }) => {
    if (key === "Enter") who.input.blur(); // else what one may not see would stay as long as the cursor does
  });
  const head = html`<div class="sl-line sl-wraps">${who.node}</div>`;
  if (!reading) return [head, ...beginning(auditor, concepts, kernel)];
  if (!reading.open) return [head, ...going(reading, auditor, kernel)];
  return [head, ...done(reading, kernel)];
}

/** @param {string} auditor @param {number} concepts @param {Kernel} kernel */
function beginning(auditor, concepts, kernel) {
  const [first, second] = [
    line("First reader", "reader-first", auditor),
    line("Second reader", "reader-second"),
  ];
  const begin = () =>
    kernel.change("readers_begin", { first: first.input.value, second: second.input.value });
  return [
    html`<p>Two people decide about every concept of the checklist, and neither sees what the other says until both have
      finished. Then you see how well they agree beyond chance, and what is to be settled.</p>`,
    html`<div class="sl-line sl-wraps sl-at-end">${first.node}${second.node}
      ${button({ text: `Begin, with ${plural(concepts, "concept")}`, class: "sl-main", "data-testid": "readers-begin", onclick: begin })}</div>`,
  ];
}

/** @param {Reading} reading @param {string} auditor @param {Kernel} kernel */
function going({ readers, subjects, done: finished, reads, left }, auditor, kernel) {
  const state = (/** @type {string} */ name) => (finished.includes(name) ? "has finished" : "reads");
  const own = !reads
    ? html`<p data-testid="readers-outside">${auditor || "Nobody"} is none of the readers, and sees no verdict of theirs. To read,
        put ${readers.join(" or ")} into the field above.</p>`
    : finished.includes(auditor)
      ? html`<p>You have finished. What both said is shown as soon as the other has.</p>`
      : html`<p data-testid="readers-left">${
          left.length
            ? `You have ${left.length} of ${plural(subjects, "concept")} left: ${left.slice(0, 8).join(", ")}${left.length > 8 ? " …" : ""}.`
            : "You have decided about everything."
        }</p>`;
  const finish = button({
    text: "I have finished",
    class: "sl-main",
    "data-testid": "readers-finish",
    onclick: () => kernel.change("readers_finish", {}),
  });
  const end = button({
    text: "End the blind reading",
    class: "sl-outlined",
    title: "Nobody reads blind any more, and all verdicts are shown",
    "data-testid": "readers-end",
    onclick: () => kernel.change("readers_end", {}),
  });
  return [
    html`<p data-testid="readers-state">${readers.map((name) => `${name} ${state(name)}`).join("; ")}.</p>`,
    own,
    html`<div class="sl-line">${reads && !finished.includes(auditor) && !left.length && finish}${end}</div>`,
  ];
}

/** @param {Reading} reading @param {Kernel} kernel */
function done({ readers, agreement, subjects }, kernel) {
  const found = /** @type {NonNullable<Reading["agreement"]>} */ (agreement);
  const again = () => kernel.change("readers_end", {});
  return [
    html`<p data-testid="readers-agreement">${found.sentence}.</p>`,
    found.disagreements.length
      ? html`<h3 class="sl-heading">Disagreements<span class="sl-quiet">settled by a decision and the reason for it</span></h3>`
      : html`<p class="sl-quiet">They agree on all ${plural(subjects, "concept")}.</p>`,
    ...found.disagreements.map((one) => disagreement(one, readers, kernel)),
    html`<div class="sl-line">${button({ text: "Put this reading away", class: "sl-outlined", "data-testid": "readers-end", onclick: again })}</div>`,
  ];
}

/** @param {Disagreement} one @param {string[]} readers @param {Kernel} kernel */
function disagreement({ subject, decisions, settled }, readers, kernel) {
  const reason = line("Reason", "settle-reason", settled?.note ?? "");
  const settle = (/** @type {string} */ decision) =>
    kernel.change("readers_settle", { subject, decision, reason: reason.input.value });
  const said = readers.map((name, i) => `${name}: ${decisions[i]}`).join("; ");
  return html`<fieldset class="sl-risk" data-testid="disagreement">
    <legend>${subject.replace(/^@/, "")}</legend>
    <p>${said}${settled && html`<span> · settled: <b>${settled.decision}</b> (${settled.who})</span>`}</p>
    ${reason.node}
    <div class="sl-line sl-wraps">${[...DECISIONS.slice(0, 2), "neutral"].map((decision) =>
      button({
        text: `Settle as ${decision}`,
        class: "sl-outlined",
        "data-testid": `settle-${decision}`,
        onclick: () => settle(decision),
      }),
    )}</div>
  </fieldset>`;
}

/** @param {Omit<Parameters<typeof panelView>[0], "verb" | "title" | "id" | "draw">} options */
export const readersPanel = (options) =>
  panelView({ ...options, verb: "readers", title: "Two readers", id: "readers-panel", draw });
