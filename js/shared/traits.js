/** Reading and following the traits of a widget model. */

/** @typedef {import("./channel.js").Model} Model */

/**
 * The present values of some traits; traits the model does not have are left out.
 * @param {Model} model @param {readonly string[]} names
 * @returns {Record<string, any>}
 */
export function read(model, names) {
  return Object.fromEntries(
    names.map((name) => [name, model.get(name)]).filter(([, value]) => value !== undefined),
  );
}

/**
 * Calls `onChange` with the changed traits, once per turn however many of them changed together.
 * @param {Model} model @param {readonly string[]} names @param {(changed: Record<string, any>) => void} onChange
 * @param {AbortSignal} signal ends it
 */
export function watch(model, names, onChange, signal) {
  /** @type {Set<string>} */
  const changed = new Set();
  for (const name of names) {
    const listener = () => {
      changed.add(name);
      if (changed.size > 1) return;
      queueMicrotask(() => {
        const values = read(model, [...changed]);
        changed.clear();
        if (!signal.aborted) onChange(values);
      });
    };
    model.on(`change:${name}`, listener);
    signal.addEventListener("abort", () => model.off(`change:${name}`, listener), { once: true });
  }
}

/**
 * Sets traits in the browser and sends them to the kernel.
 * @param {Model} model @param {Record<string, any>} values
 */
export function write(model, values) {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  model.save_changes();
}
