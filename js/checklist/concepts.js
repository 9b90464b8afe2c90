/** Arithmetic of checklists: order, groups, letters, moves. A list of concepts in, a new list out. */

/** @typedef {import("./source.js").Concept} Concept */
/** @typedef {import("./source.js").Kind} Kind */

/** @type {{kind: Kind, title: string}[]} */
export const SECTIONS = [
  { kind: "valid", title: "Should be used" },
  { kind: "spurious", title: "Must not be used" },
  { kind: "neutral", title: "Neutral" },
];

/** As the list shows them: valid first, then spurious, then neutral, each in its own order. @param {readonly Concept[]} concepts */
export const ordered = (concepts) =>
  SECTIONS.flatMap(({ kind }) => concepts.filter((concept) => concept.kind === kind));

/** The letter of a group called after one ("A asymmetry"), or "". @param {string} group */
export const letterOf = (group) => /^([A-Z])(?:\s|$)/.exec(group)?.[1] ?? "";

/** @param {Kind} kind */
export const titleOf = (kind) =>
  /** @type {{title: string}} */ (SECTIONS.find((section) => section.kind === kind)).title;

/** A name that no concept has yet. @param {readonly Concept[]} concepts */
export function freshName(concepts) {
  const names = new Set(concepts.map(({ name }) => name));
  let number = 1;
  while (names.has(number === 1 ? "new concept" : `new concept ${number}`)) number += 1;
  return number === 1 ? "new concept" : `new concept ${number}`;
}

/** @param {readonly Concept[]} concepts @param {Kind} kind @param {string} name @returns {Concept[]} */
export const added = (concepts, kind, name) =>
  ordered([...concepts, { name, prompts: [name], kind, group: titleOf(kind), classes: [], note: "" }]);

/** @param {readonly Concept[]} concepts @param {string} name @param {Partial<Concept>} change */
export const replaced = (concepts, name, change) =>
  concepts.map((concept) => (concept.name === name ? { ...concept, ...change } : concept));

/** @param {readonly Concept[]} concepts @param {string} name */
export const without = (concepts, name) => concepts.filter((concept) => concept.name !== name);

/**
 * Puts a concept before another of a section, or (null) last in it; it takes that section's kind and the
 * group it then stands in.
 * @param {readonly Concept[]} concepts @param {string} name @param {Kind} kind @param {string | null} before
 */
export function moved(concepts, name, kind, before) {
  const listed = ordered(concepts);
  const concept = listed.find((other) => other.name === name);
  if (!concept || before === name) return listed;
  const rest = without(listed, name);
  const section = rest.filter((other) => other.kind === kind);
  const next = section.findIndex((other) => other.name === before);
  const at = next < 0 ? section.length : next;
  const neighbour = section[at - 1] ?? section[at];
  const lands = next >= 0 ? section[at] : neighbour;
  const stays = concept.kind === kind && [section[at - 1]?.group, section[at]?.group].includes(concept.group);
  const group = stays ? concept.group : (lands?.group ?? titleOf(kind));
  section.splice(at, 0, { ...concept, kind, group });
  return SECTIONS.flatMap((other) =>
    other.kind === kind ? section : rest.filter((one) => one.kind === other.kind),
  );
}

/**
 * One step up or down in the list as shown; over the edge of a section into the next.
 * @param {readonly Concept[]} concepts @param {string} name @param {1 | -1} by
 */
export function stepped(concepts, name, by) {
  const listed = ordered(concepts);
  const concept = /** @type {Concept} */ (listed.find((other) => other.name === name));
  const section = listed.filter((other) => other.kind === concept.kind);
  const at = section.indexOf(concept);
  const target = at + by;
  if (target >= 0 && target < section.length)
    return moved(listed, name, concept.kind, section[by > 0 ? at + 2 : at - 1]?.name ?? null);
  const number = SECTIONS.findIndex(({ kind }) => kind === concept.kind) + by;
  const next = SECTIONS[number]?.kind;
  if (!next) return listed;
  return moved(listed, name, next, by > 0 ? (listed.find(({ kind }) => kind === next)?.name ?? null) : null);
}

/** What a change of a concept comes to: one that is searched by its name alone still is after it was renamed. @param {Concept} concept @param {Partial<Concept>} change @returns {Partial<Concept>} */
export const renamed = ({ name, prompts }, change) =>
  change.name !== undefined && prompts.length === 1 && prompts[0] === name
    ? { ...change, prompts: [change.name] }
    : change;
