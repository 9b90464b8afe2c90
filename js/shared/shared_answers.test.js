import { expect, it } from "vitest";
import { sharedAnswers } from "./shared_answers.js";

/** Answers with how often it was asked. */
function counting() {
  const asked = /** @type {string[]} */ ([]);
  const ask = /** @type {any} */ (async (/** @type {string} */ verb) => asked.push(verb));
  return { ask, asked };
}

it("who asks later gets the same answer, until it is forgotten", async () => {
  const { ask, asked } = counting();
  const shared = sharedAnswers(ask, ["labels"]);
  expect(await Promise.all([shared.ask("labels"), shared.ask("labels")])).toEqual([1, 1]);
  expect(await shared.ask("labels")).toBe(1);
  shared.forget("labels");
  expect(await shared.ask("labels")).toBe(2);
  expect(asked).toEqual(["labels", "labels"]);
});

it("what is not shared is asked each time", async () => {
  const { ask } = counting();
  const shared = sharedAnswers(ask, ["labels"]);
  expect([await shared.ask("hits"), await shared.ask("hits")]).toEqual([1, 2]);
});

it("a failure is told to all who waited, and the next asks anew", async () => {
  let fails = true;
  const shared = sharedAnswers(
    /** @type {any} */ (
      async () => {
        if (fails) throw new Error("gone");
        return "there";
      }
    ),
    ["labels"],
  );
  const both = await Promise.allSettled([shared.ask("labels"), shared.ask("labels")]);
  expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  fails = false;
  expect(await shared.ask("labels")).toBe("there");
});
