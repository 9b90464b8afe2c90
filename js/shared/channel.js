import { messages, received } from "./pieces.js";
import { decode } from "./wire.js";

/**
 * Questions to the kernel and their answers, over one widget model.
 *
 * On the wire (custom messages):
 *   browser → kernel  {kind: "request", id, verb, args} + buffers · {kind: "abort", id}
 *   kernel → browser  {kind: "reply", id, result} + buffers · {kind: "error", id, error: {type, message}}
 *                     {kind: "progress", id, done, total, what} · {kind: "event", name, ...}
 *   both ways         {kind: "part", id, at, of} + a piece of buffers that are too large for one message; `sizes` of the
 *                     message itself then say how they are cut. Where a host loses buffers, they stand in `texts` of a
 *                     message as base64; a request that is `plain` asks for that.
 *
 * Every view opens its own channel. A message reaches all views of a model, so ids carry a part that is
 * unique to the channel, and a channel ignores ids that are not its own.
 */

/**
 * The part of an anywidget model that is used here.
 * @typedef {object} Model
 * @property {(name: string) => any} get
 * @property {(name: string, value: any) => void} set
 * @property {() => void} save_changes
 * @property {(event: string, callback: (...args: any[]) => void) => void} on
 * @property {(event: string, callback: (...args: any[]) => void) => void} off
 * @property {(content: any, callbacks?: any, buffers?: (ArrayBuffer | ArrayBufferView)[]) => void} send
 */

/** @typedef {{done: number, total: number | null, what: string}} Progress */
/** @typedef {{signal?: AbortSignal, buffers?: (ArrayBuffer | ArrayBufferView)[], onProgress?: (progress: Progress) => void}} AskOptions */

/**
 * @typedef {object} Channel
 * @property {(verb: string, args?: object, options?: AskOptions) => Promise<any>} ask
 *   The answer by name: facts, typed arrays and Blobs. Rejects with KernelError (the verb raised), KernelGone (no kernel to ask) or an AbortError.
 * @property {(name: string, listener: (event: any) => void) => () => void} onEvent
 *   Calls `listener` for pushed events of this name; returns the way to stop.
 * @property {(listener: (alive: boolean) => void) => () => void} onLife
 *   Calls `listener` when the kernel is found gone, or answers again.
 * @property {() => void} close
 */

/** The verb raised in the kernel. `name` is the Python type, `message` its text. */
export class KernelError extends Error {
  /** @param {{type?: string, message?: string}} error */
  constructor(error) {
    super(error.message || error.type || "The kernel reported an error without a message.");
    this.name = error.type || "KernelError";
  }
}

/** Nobody answers: the kernel was restarted or shut down, or the widget was closed there. */
export class KernelGone extends Error {
  constructor() {
    super("The kernel is gone; run the cell again.");
    this.name = "KernelGone";
  }
}

const aborted = (text = "No longer needed.") => new DOMException(text, "AbortError");

/** @param {unknown} error whether it only says that somebody lost interest */
export const isAbort = (error) => error instanceof DOMException && error.name === "AbortError";

const PATIENCE_MS = 15_000;
const PING_MS = 5_000;

/**
 * @param {Model} model
 * @param {{patience?: number, pingTimeout?: number}} [options] `patience`: silence in ms after which a
 *   waiting channel asks whether the kernel is still there; `pingTimeout`: how long that may take.
 * @returns {Channel}
 */
export function openChannel(model, { patience = PATIENCE_MS, pingTimeout = PING_MS } = {}) {
  const prefix = Math.random().toString(36).slice(2, 10);
  /** Those that wait; `plainly`: it asked for text instead of buffers. @type {Map<string, {resolve: (answer: any) => void, reject: (error: Error) => void, onProgress?: (p: Progress) => void, release: () => void, plainly: boolean, send: () => boolean}>} */
  const waiting = new Map();
  const pieces = received();
  /** Whether the host loses buffers, so that they travel as text. */
  let plain = false;
  /** Whether buffers arrive in the kernel is found out before any is sent. @type {Promise<unknown> | null} */
  let tried = null;
  /** @type {Map<string, Set<(event: any) => void>>} */
  const listeners = new Map();
  /** @type {Set<(alive: boolean) => void>} */
  const lifeListeners = new Set();
  let count = 0;
  let alive = true;
  let closed = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let silence;
  /** @type {Promise<void> | null} */
  let pinging = null;

  /** @param {boolean} now */
  function setAlive(now) {
    if (closed || now === alive) return;
    alive = now;
    for (const listener of lifeListeners) listener(alive);
  }

  function listenForSilence() {
    clearTimeout(silence);
    if (waiting.size && !closed) silence = setTimeout(ping, patience);
  }

  /** @param {string} id */
  function settle(id) {
    const request = waiting.get(id);
    waiting.delete(id);
    pieces.forget(id);
    request?.release();
    listenForSilence();
    return request;
  }

  function giveUp() {
    for (const id of [...waiting.keys()]) settle(id)?.reject(new KernelGone());
    setAlive(false);
  }

  /** Asks the kernel for a sign of life; without one, everything that waits is told that it is gone. */
  function ping() {
    pinging ??= (async () => {
      /** @type {ReturnType<typeof setTimeout> | undefined} */
      let timer;
      const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new KernelGone()), pingTimeout);
      });
      try {
        await Promise.race([ask("ping"), late]);
      } catch (error) {
        if (error instanceof KernelGone) giveUp();
      } finally {
        clearTimeout(timer);
        pinging = null;
      }
    })();
    return pinging;
  }

  /** @param {any} message @param {DataView[]} [buffers] */
  function receive(message, buffers = []) {
    if (message?.kind === "event") {
      for (const listener of listeners.get(message.name) ?? []) listener(message);
      return;
    }
    if (!waiting.has(message?.id)) return;
    setAlive(true);
    if (message.kind === "part") {
      listenForSilence();
      pieces.part(message, buffers);
    } else if (message.kind === "progress") {
      listenForSilence();
      waiting.get(message.id)?.onProgress?.({ done: message.done, total: message.total, what: message.what });
    } else if (message.kind === "reply") {
      takeReply(message, buffers);
    } else if (message.kind === "error") {
      settle(message.id)?.reject(new KernelError(message.error ?? {}));
    }
  }

  /** @param {any} message @param {DataView[]} buffers */
  function takeReply(message, buffers) {
    try {
      const came = pieces.buffers(message, buffers);
      // They were sent, and have not come: this host loses them. Asked for as text, they come.
      const asked = waiting.get(message.id);
      if (!came.length && message.result?.buffers?.length && asked && !asked.plainly) {
        plain = true;
        if (asked.send()) return listenForSilence();
      }
      const answer = decode(message.result, came);
      settle(message.id)?.resolve(answer);
    } catch (error) {
      settle(message.id)?.reject(
        new KernelError({ type: "ValueError", message: /** @type {Error} */ (error).message }),
      );
    }
  }

  /** Whether buffers arrive at all: one byte is sent, and the kernel says how many buffers came. */
  function tryBuffers() {
    tried ??= askNow("ping", {}, { buffers: [new Uint8Array(1)] }).then(
      (answer) => {
        plain ||= answer?.received === 0;
      },
      () => {
        tried = null; // whoever asks next finds the kernel gone
      },
    );
    return tried;
  }

  /** @type {Channel["ask"]} */
  async function ask(verb, args = {}, options = {}) {
    if (options.buffers?.length && !closed && !options.signal?.aborted) await tryBuffers();
    return askNow(verb, args, options);
  }

  /** @type {Channel["ask"]} */
  function askNow(verb, args = {}, { signal, buffers = [], onProgress } = {}) {
    if (closed) return Promise.reject(aborted("The view was closed."));
    if (signal?.aborted) return Promise.reject(aborted());
    const id = `${prefix}:${++count}`;
    return new Promise((resolve, reject) => {
      const abort = () => {
        settle(id)?.reject(aborted());
        trySend({ kind: "abort", id });
      };
      signal?.addEventListener("abort", abort, { once: true });
      const asked = {
        resolve,
        reject,
        onProgress,
        release: () => signal?.removeEventListener("abort", abort),
        plainly: false,
        send() {
          asked.plainly = plain;
          const all = messages({ kind: "request", id, verb, args, ...(plain && { plain }) }, buffers, plain);
          return all.every(([message, carried]) => trySend(message, carried));
        },
      };
      waiting.set(id, asked);
      if (!asked.send()) {
        settle(id);
        reject(new KernelGone());
        setAlive(false);
      } else if (waiting.size === 1) listenForSilence();
    });
  }

  /** @param {object} content @param {(ArrayBuffer | ArrayBufferView)[]} [buffers] */
  function trySend(content, buffers) {
    try {
      model.send(content, undefined, buffers);
      return true;
    } catch {
      // A disposed comm throws on send: that is how a dead kernel looks from here.
      return false;
    }
  }

  model.on("msg:custom", receive);
  model.on("comm:close", giveUp);
  model.on("comm_live_update", ping);

  return {
    ask,
    onEvent(name, listener) {
      if (!listeners.has(name)) listeners.set(name, new Set());
      listeners.get(name)?.add(listener);
      return () => listeners.get(name)?.delete(listener);
    },
    onLife(listener) {
      lifeListeners.add(listener);
      return () => lifeListeners.delete(listener);
    },
    close() {
      closed = true;
      clearTimeout(silence);
      model.off("msg:custom", receive);
      model.off("comm:close", giveUp);
      model.off("comm_live_update", ping);
      for (const [id, request] of [...waiting]) {
        trySend({ kind: "abort", id });
        settle(id);
        request.reject(aborted("The view was closed."));
      }
    },
  };
}
