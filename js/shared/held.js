/**
 * Pictures and files that the page holds, as addresses. Most pages let a picture come from a blob; a strict policy, as VS
 * Code's notebooks can have, lets it come from a `data:` address alone. Which it is, is tried once.
 */

/** A picture of one pixel. */
const PIXEL = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";
/** @type {Promise<boolean> | undefined} */
let blobs;

async function tried() {
  const bytes = Uint8Array.from(atob(PIXEL), (letter) => letter.charCodeAt(0));
  const url = URL.createObjectURL(new Blob([bytes], { type: "image/gif" }));
  const picture = new Image();
  picture.src = url;
  try {
    await picture.decode();
    return true;
  } catch {
    return false;
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** @param {Blob} blob @returns {Promise<string>} */
const inFull = (blob) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(/** @type {string} */ (reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });

/**
 * The address of a blob, for whoever revokes it in the end. AbortError where nobody waits for it any more.
 * @param {Blob} blob @param {AbortSignal} [signal]
 */
export async function addressOf(blob, signal) {
  blobs ??= tried();
  const address = (await blobs) ? null : await inFull(blob);
  signal?.throwIfAborted();
  return address ?? URL.createObjectURL(blob);
}
