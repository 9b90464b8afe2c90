/**
 * Large and plain messages: hosts there are that lose the buffers of a message, or a message that is too large.
 * `semlens_widgets/widgets/pieces.py` is the other end, and says how they travel.
 */

/** Bytes of a message's buffers: as base64, with all around it, less than 1 MB. */
export const MOST = 700_000;
/** Letters that are made of bytes at a time. */
const RUN = 0x8000;

/** @param {ArrayBuffer | ArrayBufferView} buffer */
const bytesOf = (buffer) =>
  ArrayBuffer.isView(buffer)
    ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    : new Uint8Array(buffer);

/** @param {Uint8Array} bytes */
function asText(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += RUN) text += String.fromCharCode(...bytes.subarray(at, at + RUN));
  return btoa(text);
}

/** @param {string} text in base64 */
const fromText = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/** Several runs of bytes as one. @param {Uint8Array[]} parts */
function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** @typedef {[content: Record<string, any>, buffers: Uint8Array[]]} Message */

/** @param {Record<string, any>} message @param {Uint8Array[]} buffers @param {boolean} plain @returns {Message} */
const carried = (message, buffers, plain) =>
  plain && buffers.length ? [{ ...message, texts: buffers.map(asText) }, []] : [message, buffers];

/**
 * The messages that carry one with its buffers, the last one last.
 * @param {Record<string, any>} last @param {readonly (ArrayBuffer | ArrayBufferView)[]} buffers
 * @param {boolean} plain buffers are lost on the way @returns {Message[]}
 */
export function messages(last, buffers, plain) {
  const all = buffers.map(bytesOf);
  const sizes = all.map(({ length }) => length);
  if (sizes.reduce((sum, size) => sum + size, 0) <= MOST) return [carried(last, all, plain)];
  const whole = joined(all);
  const count = Math.ceil(whole.length / MOST);
  const pieces = Array.from({ length: count }, (_, at) =>
    carried(
      { kind: "part", id: last.id, at, of: count },
      [whole.subarray(at * MOST, (at + 1) * MOST)],
      plain,
    ),
  );
  return [...pieces, [{ ...last, sizes }, []]];
}

/** What came in pieces, by the id of the request that they answer. */
export function received() {
  /** @type {Map<string, Uint8Array[]>} */
  const parts = new Map();
  /** @param {any} message @param {readonly DataView[]} buffers */
  const plainly = ({ texts }, buffers) => (texts ? texts.map(fromText) : buffers.map(bytesOf));
  return {
    /** @param {any} message @param {readonly DataView[]} buffers */
    part(message, buffers) {
      parts.set(message.id, [...(parts.get(message.id) ?? []), ...plainly(message, buffers)]);
    },
    /** @param {string} id */
    forget: (id) => parts.delete(id),
    /** The buffers of a reply. RangeError where pieces are missing. @param {any} message @param {readonly DataView[]} buffers @returns {DataView[]} */
    buffers(message, buffers) {
      const whole = joined(parts.get(message.id) ?? []);
      parts.delete(message.id);
      const { sizes } = message;
      if (!sizes) return plainly(message, buffers).map(viewOf);
      const wanted = sizes.reduce((/** @type {number} */ sum, /** @type {number} */ size) => sum + size, 0);
      if (wanted !== whole.length)
        throw new RangeError(`${whole.length} bytes came in pieces; expected ${wanted}`);
      let at = 0;
      return sizes.map((/** @type {number} */ size) => {
        at += size;
        return viewOf(whole.subarray(at - size, at));
      });
    },
  };
}

/** @param {Uint8Array} bytes */
const viewOf = ({ buffer, byteOffset, byteLength }) => new DataView(buffer, byteOffset, byteLength);
