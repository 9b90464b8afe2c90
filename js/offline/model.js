/**
 * A widget model without a kernel: it holds traits and answers requests in the page, so that every view mounts over
 * it exactly as over a kernel.
 */

/** @typedef {import("../shared/channel.js").Model} Model */

/** Something that only a live lens can do. @param {string} message */
export const needsKernel = (message) => Object.assign(new Error(message), { name: "NeedsKernel" });

/** What a person may change where nothing is kept: what is looked at, not what is decided. */
const FREE = ["query", "layer", "selection", "tab", "python", "map_colour"];
/** Answers as a channel gives them to views: facts, typed arrays and Blobs by name. @typedef {(args: any, traits: Record<string, any>) => any} Verb */

/**
 * @param {Record<string, any>} traits their values at first
 * @param {Record<string, Verb>} verbs
 * @returns {Model & {tell: (type: string, message: string) => void}} `tell` shows a failure that belongs to no request
 */
export function localModel(traits, verbs) {
  const state = { ...traits };
  /** @type {Map<string, Set<(...args: any[]) => void>>} */
  const listeners = new Map();
  /** @type {Set<string>} */
  const aborted = new Set();

  /** @param {string} event @param {...any} args */
  function emit(event, ...args) {
    for (const listener of [...(listeners.get(event) ?? [])]) listener(...args);
  }

  /** @param {string} name @param {any} value */
  function change(name, value) {
    state[name] = value;
    emit(`change:${name}`);
  }

  /** @param {string} type @param {string} message */
  const tell = (type, message) => emit("msg:custom", { kind: "event", name: "error", type, message });

  /** @param {{id: string, verb: string, args: any}} request */
  async function answer({ id, verb, args }) {
    try {
      const known = verbs[verb];
      if (!known) throw needsKernel("This needs a kernel. Open the lens in a notebook to go live.");
      const result = await known(args ?? {}, state);
      if (!aborted.delete(id)) emit("msg:custom", { kind: "reply", id, result }, []);
    } catch (error) {
      const { name, message } = /** @type {Error} */ (error);
      if (!aborted.delete(id)) emit("msg:custom", { kind: "error", id, error: { type: name, message } });
    }
  }

  return {
    tell,
    get: (name) => (name === "follows" ? Object.keys(state) : state[name]),
    set(name, value) {
      if (Object.is(state[name], value)) return;
      if (!FREE.includes(name)) {
        tell(
          "NeedsKernel",
          "Nothing can be changed in a file without a kernel. Open the lens in a notebook to go live.",
        );
        emit(`change:${name}`);
        return;
      }
      change(name, value);
      // What the kernel would do: another query or layer has other hits.
      if ((name === "query" || name === "layer") && "hits_version" in state)
        change("hits_version", state.hits_version + 1);
    },
    save_changes() {},
    on(event, callback) {
      if (!listeners.has(event)) listeners.set(event, new Set());
      listeners.get(event)?.add(callback);
    },
    off(event, callback) {
      listeners.get(event)?.delete(callback);
    },
    send(message) {
      if (message.kind === "abort") aborted.add(message.id);
      else if (message.kind === "request") queueMicrotask(() => answer(message));
    },
  };
}
