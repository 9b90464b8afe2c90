/** Questions that several views ask alike: asked once, and the answer is everybody's until it is an old one. */

/**
 * @param {import("./channel.js").Channel["ask"]} ask
 * @param {readonly string[]} verbs those that take no arguments, and whose answers nobody changes
 */
export function sharedAnswers(ask, verbs) {
  /** @type {Map<string, Promise<any>>} */
  const known = new Map();

  return {
    /** As `ask`. Who loses interest in a shared answer does not take it from the others. @type {import("./channel.js").Channel["ask"]} */
    ask(verb, args, options) {
      if (!verbs.includes(verb)) return ask(verb, args, options);
      const coming = known.get(verb) ?? ask(verb, args);
      known.set(verb, coming);
      coming.catch(() => {
        if (known.get(verb) === coming) known.delete(verb);
      });
      return coming;
    },
    /** It is to be asked anew. @param {string} verb */
    forget: (verb) => known.delete(verb),
  };
}
