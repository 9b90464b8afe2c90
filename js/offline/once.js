/** Answers that are made once. */

/** @template T @param {() => Promise<T>} make @returns {() => Promise<T>} made at the first call, kept unless it failed */
export function once(make) {
  /** @type {Promise<T> | null} */
  let made = null;
  return () => {
    made ??= make().catch((error) => {
      made = null;
      throw error;
    });
    return made;
  };
}
