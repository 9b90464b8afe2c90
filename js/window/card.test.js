import { afterEach, describe, expect, it } from "vitest";
import { openChannel } from "../shared/channel.js";
import { kernelSource } from "../shared/source.js";
import { all, byId, cardOf, idOf, settled, someFile, toyModel } from "../testing/toy.js";
import { cardView } from "./card.js";

const full = (row) => ({
  ...cardOf(row),
  label: { text: "red", margin: 0.05, confident: true, own: false, score: 0.31, confidence: 0.98 },
  display_modes: ["crop", "mask", "heat", "whole"],
  streams: true,
  relevance: {
    classes: [
      { name: "nevus", share: 0.096, images: 40 },
      { name: "melanoma", share: -0.063, images: 20 },
    ],
    more: 3,
  },
});
const VERBS = {
  card: ({ row }) => full(row),
  display: ({ mode }) => ({
    columns: 2,
    side: mode === "whole" ? 0 : 1,
    boxes:
      mode === "whole"
        ? [
            [0, 0, 0.5, 0.25],
            [0, 0, 1, 1],
          ]
        : null,
    sheet: someFile(),
    map: mode === "whole" ? null : Int8Array.of(127, -127),
  }),
  streams: () => ({
    lower: "conv1",
    upper: null,
    images: 6,
    downstream: [],
    upstream: [{ row: 1, id: idOf(1), share: -0.2, label: { text: "green", confident: true } }],
  }),
};

/** @type {(() => void)[]} */
const ends = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
  document.body.replaceChildren();
});

async function open(verbs = {}, row = 7) {
  const toy = toyModel({}, { ...VERBS, ...verbs });
  const channel = openChannel(toy.model);
  const failed = [];
  const chosen = [];
  const card = cardView({
    source: kernelSource(channel.ask),
    ask: channel.ask,
    onSelect: (rows) => chosen.push(rows),
    onPin: null,
    announce: () => {},
    fail: (error) => failed.push(error),
  });
  ends.push(card.destroy, channel.close);
  document.body.append(card.node);
  card.update({ row });
  await settled();
  return { toy, card, el: document.body, failed, chosen };
}

describe("the card", () => {
  it("says how sure its label is, and what it speaks for and against with sign", async () => {
    const { el } = await open();
    expect(byId(el, "label-facts").textContent).toBe("label score.31margin.05confidence98 %");
    const relevance = byId(el, "class-relevance");
    expect(relevance.textContent).toContain("3 more classes");
    expect(relevance.textContent).toContain("nevus+9.6 %");
    expect(relevance.textContent).toContain("melanoma−6.3 %");
    expect([...relevance.querySelectorAll(".sl-signed")].map((bar) => bar.classList[1])).toEqual([
      "sl-for",
      "sl-against",
    ]);
    expect(all(el, "pin")).toEqual([]);
  });

  it("says by which evidence it is a hit, and shows one that its activations tell over all images", async () => {
    const { el, card } = await open({
      card: ({ row }) => ({
        ...full(row),
        by: row === 7 ? "activations" : "examples",
        whole_range: row === 7,
      }),
      whole_range: () => ({
        query: "red",
        sampled: 200,
        sheet: someFile(),
        images: [{ name: "a.png", label: null, response: 2, likeness: 0.3 }],
      }),
    });
    expect(byId(el, "card-facts").textContent).toContain("told byits activations over all images");
    expect(byId(el, "range-step").textContent).toBe(".30");
    card.update({ row: 8 });
    await settled();
    expect(byId(el, "card-facts").textContent).toContain("told byits strongest examples");
    expect(all(el, "range-step")).toEqual([]);
  });

  it("names a person who gave the label, and the closest word of what is unexplained", async () => {
    const { el, card, toy } = await open({
      card: ({ row }) => ({
        ...full(row),
        label: { text: "sky", own: row === 7, confident: row === 7, margin: null },
      }),
    });
    expect(byId(el, "label-facts").textContent).toBe("given bya person");
    card.update({ row: 8 });
    await settled();
    expect(byId(el, "card-title").textContent).toBe("unexplained");
    expect(byId(el, "label-facts").textContent).toBe("closest wordsky");
    expect(toy.asked("card")).toHaveLength(2);
  });

  it("shows examples as heat, mask and whole, and keeps the display mode for the next component", async () => {
    const { el, card, toy } = await open();
    expect(byId(el, "display").hidden).toBe(true);
    byId(el, "mode-heat").click();
    await settled();
    expect(el.querySelectorAll(".sl-example .sl-relevance-map")).toHaveLength(4);
    byId(el, "mode-mask").click();
    await settled();
    expect(el.querySelectorAll(".sl-example .sl-lit")).toHaveLength(2);
    byId(el, "mode-whole").click();
    await settled();
    expect(el.querySelector(".sl-outlined-crop").style.width).toBe("50%");
    card.update({ row: 2 });
    await settled();
    await settled();
    expect(toy.asked("display").at(-1).args).toMatchObject({ row: 2, mode: "whole" });
    byId(el, "mode-crop").click();
    expect(byId(el, "display").hidden).toBe(true);
  });

  it("offers only the display modes there are, and falls back to crops", async () => {
    const { el, card } = await open({
      card: ({ row }) => ({ ...full(row), display_modes: row === 7 ? full(row).display_modes : ["crop"] }),
    });
    byId(el, "mode-mask").click();
    await settled();
    card.update({ row: 3 });
    await settled();
    expect(byId(el, "mode-mask").hasAttribute("disabled")).toBe(true);
    expect(byId(el, "mode-crop").getAttribute("aria-pressed")).toBe("true");
    expect(byId(el, "display").hidden).toBe(true);
  });

  it("tells what feeds it on demand, and a click goes there", async () => {
    const { el, chosen, toy } = await open();
    expect(toy.asked("streams")).toEqual([]);
    byId(el, "show-streams").click();
    await settled();
    const stream = byId(el, "stream");
    expect(stream.textContent).toBe("conv1:1green−20.0");
    stream.click();
    expect(chosen).toEqual([[1]]);
    byId(el, "show-streams").click();
    expect(all(el, "stream")).toEqual([]);
  });

  it("offers to explain the data set where nobody has, and can be given up", async () => {
    let known = false;
    const { el, toy } = await open({
      card: ({ row }) => ({
        ...full(row),
        relevance: known ? full(row).relevance : null,
        relatable: true,
      }),
      relate: () => new Promise((resolve) => setTimeout(() => resolve({}), known ? 0 : 1000)),
    });
    byId(el, "relate").click();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(el.querySelector('[data-testid="work"]:not([hidden])').textContent).toContain(
      "Explaining the data set",
    );
    el.querySelector('[data-testid="work"]:not([hidden]) button').click();
    await settled();
    expect(toy.sent.some(({ kind }) => kind === "abort")).toBe(true);
    known = true;
    byId(el, "relate").click();
    await settled();
    await settled();
    expect(byId(el, "class-relevance").textContent).toContain("nevus");
  });

  it("a failure is told, and the card stays", async () => {
    const { el, failed } = await open({
      display: () => {
        throw Object.assign(new Error("the image is gone"), { name: "UnreadableImage" });
      },
    });
    byId(el, "mode-heat").click();
    await settled();
    expect(failed[0].message).toBe("the image is gone");
    expect(byId(el, "card-id").textContent).toBe(idOf(7));
  });
});
