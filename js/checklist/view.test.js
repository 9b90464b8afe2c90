import { afterEach, describe, expect, it, vi } from "vitest";
import { html } from "../shared/dom.js";
import { normalTail } from "../shared/normal.js";
import { all, byId, componentOf, idOf, press, settled } from "../testing/toy.js";
import lensWindow from "../window/widget.js";
import { added, freshName, letterOf, moved, ordered, stepped } from "./concepts.js";
import { plottedOf, radius } from "./plotted.js";
import { auditSource } from "./source.js";
import { answer, auditModel, CONCEPTS, concept, REGIONS } from "./toy.js";
import checklist from "./widget.js";

/** @type {AbortController[]} */
const lives = [];
afterEach(() => {
  for (const life of lives.splice(0)) life.abort();
  document.body.replaceChildren();
});

/** @param {ReturnType<typeof auditModel>} toy */
async function open(toy, widget = checklist) {
  const el = html`<div />`;
  document.body.append(el);
  const life = new AbortController();
  lives.push(life);
  widget.render({ model: toy.model, el, signal: life.signal });
  await arrived();
  return el;
}

/** Long enough for work that goes on to be told. */
const noticed = () => new Promise((resolve) => setTimeout(resolve, 200));

async function arrived() {
  for (let i = 0; i < 3; i++) await settled();
}

const rows = (el) => all(el, "concept-row");
const names = (el) => rows(el).map((row) => row.dataset.name);
const row = (el, name) => rows(el).find((one) => one.dataset.name === name);
const decide = (el, name, decision) => byId(row(el, name), `decide-${decision}`).click();
const pressed = (el, name) =>
  row(el, name)?.querySelector("[aria-pressed=true]")?.getAttribute("aria-label") ?? null;
const enter = (field, text) => {
  field.focus();
  field.value = text;
  field.dispatchEvent(new Event("change", { bubbles: true }));
};

describe("arithmetic of a checklist", () => {
  it("shows valid first, letters from groups called after one", () => {
    expect(ordered([concept("x", { kind: "spurious" }), concept("y")]).map(({ name }) => name)).toEqual([
      "y",
      "x",
    ]);
    expect([letterOf("A asymmetry"), letterOf("Artefacts"), letterOf("B"), letterOf("")]).toEqual([
      "A",
      "",
      "B",
      "",
    ]);
  });

  it("a concept moves before another, takes its kind and its group", () => {
    const list = moved(CONCEPTS, "ruler", "valid", "green");
    expect(list.map(({ name }) => name)).toEqual(["red", "ruler", "green", "purple", "hair"]);
    expect(list[1]).toMatchObject({ kind: "valid", group: "B border" });
    expect(moved(CONCEPTS, "red", "spurious", null).at(-2)).toMatchObject({
      name: "red",
      kind: "spurious",
      group: "Must not be used",
    });
    expect(moved(CONCEPTS, "red", "valid", "red")).toEqual(ordered(CONCEPTS));
  });

  it("stepping goes through all sections and stops at the ends", () => {
    const order = (list) => list.map(({ name, kind }) => `${name} ${kind}`);
    expect(order(stepped(CONCEPTS, "red", 1))).toEqual(order(moved(CONCEPTS, "red", "valid", "purple")));
    expect(order(stepped(CONCEPTS, "red", -1))).toEqual(order(CONCEPTS));
    const across = stepped(CONCEPTS, "purple", 1);
    expect(order(across).slice(2, 4)).toEqual(["purple spurious", "ruler spurious"]);
    expect(order(stepped(across, "purple", -1))).toEqual(order(CONCEPTS));
  });

  it("new concepts get names that nobody has", () => {
    const list = added(CONCEPTS, "spurious", freshName(CONCEPTS));
    expect(list.find(({ name }) => name === "new concept")).toMatchObject({
      kind: "spurious",
      group: "Must not be used",
    });
    expect(freshName(list)).toBe("new concept 2");
  });

  it("marks grow with relevance", () => {
    expect(radius(Number.NaN, 3)).toBe(radius(1, 0));
    expect(radius(4, 4)).toBeGreaterThan(radius(-1, 4));
  });
});

describe("the checklist", () => {
  it("concepts named like parts of every object have only what was found of them", async () => {
    const odd = ["constructor", "__proto__", "toString", "valueOf"];
    const el = await open(auditModel({ concepts: [...CONCEPTS, ...odd.map((name) => concept(name))] }));
    for (const name of odd) {
      expect(row(el, name).textContent).toContain(name);
      row(el, name).querySelector("button")?.focus();
    }
    expect(
      names(el)
        .filter((name) => odd.includes(name))
        .sort(),
    ).toEqual([...odd].sort());
  });

  it("shows each concept with its state, evidence and relevance; what is missing says so in words", async () => {
    const el = await open(auditModel());
    expect(names(el)).toEqual(["red", "green", "purple", "ruler", "hair"]);
    expect(rows(el).map((one) => one.querySelector(".sl-check-name b").textContent)).toEqual([
      "A",
      "B",
      "",
      "",
      "",
    ]);
    expect(row(el, "red").dataset.state).toBe("found");
    expect(row(el, "red").textContent).toContain(idOf(0));
    expect(byId(row(el, "red"), "relevance").textContent).toBe("−3.0");
    expect(byId(row(el, "purple"), "concept-message").textContent).toBe("missing: best z 1.2, no component");
    expect(byId(el, "reviewed").textContent).toContain("0 of 5");
  });

  it("a verdict is one press, counts as reviewed, and pressing it again takes it back", async () => {
    const toy = auditModel();
    const el = await open(toy);
    decide(el, "ruler", "spurious");
    expect(pressed(el, "ruler")).toBe("spurious"); // before the kernel has answered
    await arrived();
    expect([...toy.audit.verdicts]).toEqual([[6, "spurious"]]);
    expect(byId(el, "reviewed").textContent).toContain("1 of 5");
    decide(el, "ruler", "spurious");
    await arrived();
    expect(toy.audit.verdicts.size).toBe(0);
  });

  it("Tab leads through one row, the active one, and what can be done in it", async () => {
    const el = await open(auditModel());
    row(el, "red").click();
    const stops = (name) =>
      [row(el, name), ...row(el, name).querySelectorAll("button")].map((stop) => stop.tabIndex);
    expect(new Set(stops("red"))).toEqual(new Set([0]));
    expect(new Set(stops("green"))).toEqual(new Set([-1]));
    press(row(el, "red"), "ArrowDown");
    await arrived();
    expect([new Set(stops("red")), new Set(stops("green"))]).toEqual([new Set([-1]), new Set([0])]);
  });

  it("keys give verdicts and go to the next row without one; u takes back, U gives again", async () => {
    const toy = auditModel();
    const el = await open(toy);
    row(el, "red").click();
    press(row(el, "red"), "1");
    await arrived();
    expect(document.activeElement).toBe(row(el, "green"));
    press(row(el, "green"), "2");
    await arrived();
    expect([...toy.audit.verdicts]).toEqual([
      [0, "valid"],
      [1, "spurious"],
    ]);
    press(document.activeElement, "u");
    await arrived();
    expect(toy.audit.verdicts.size).toBe(1);
    press(document.activeElement, "U");
    await arrived();
    expect(toy.audit.verdicts.size).toBe(2);
    byId(el, "undo").click();
    await arrived();
    expect(pressed(el, "green")).toBeNull();
  });

  it("a prompt that is changed is looked for at once, and the row follows", async () => {
    const toy = auditModel();
    const el = await open(toy);
    row(el, "purple").click();
    press(row(el, "purple"), "Enter");
    enter(byId(el, "prompt"), "blue");
    await arrived();
    expect(toy.audit.concepts[2].prompts).toEqual(["blue"]);
    expect(row(el, "purple").dataset.state).toBe("found");
    enter(byId(el, "add-prompt"), "navy");
    await arrived();
    expect(all(el, "prompt").map((field) => field.value)).toEqual(["blue", "navy"]);
    press(all(el, "prompt")[1], "ArrowUp", { altKey: true });
    await arrived();
    expect(toy.audit.concepts[2].prompts).toEqual(["navy", "blue"]);
    all(el, "remove-prompt")[0].click();
    await arrived();
    expect(toy.audit.concepts[2].prompts).toEqual(["blue"]);
  });

  it("a concept is added, renamed, noted, moved to another kind, and removed", async () => {
    const toy = auditModel();
    const el = await open(toy);
    byId(el, "add-spurious").click();
    await arrived();
    expect(document.activeElement).toBe(byId(el, "edit-name"));
    enter(byId(el, "edit-name"), "ink");
    enter(byId(el, "edit-note"), "drawn around lesions");
    await arrived();
    expect(toy.audit.concepts.find(({ name }) => name === "ink")).toMatchObject({
      kind: "spurious",
      note: "drawn around lesions",
    });
    byId(el, "edit-kind").selectedIndex = 0;
    byId(el, "edit-kind").dispatchEvent(new Event("change"));
    await arrived();
    expect(names(el)).toEqual(["red", "green", "purple", "ink", "ruler", "hair"]);
    byId(el, "close-editor").click();
    press(row(el, "ink"), "ArrowUp", { altKey: true });
    await arrived();
    expect(names(el)[2]).toBe("ink");
    press(row(el, "ink"), "Delete");
    await arrived();
    expect(names(el)).toEqual(["red", "green", "purple", "ruler", "hair"]);
  });

  it("dragging a row into another section changes its kind", async () => {
    const toy = auditModel();
    const el = await open(toy);
    const drag = (node, type) => node.dispatchEvent(new Event(type, { bubbles: true, cancelable: true }));
    drag(row(el, "green"), "dragstart");
    drag(byId(el, "section-spurious"), "dragover");
    drag(byId(el, "section-spurious"), "drop");
    await arrived();
    expect(names(el)).toEqual(["red", "purple", "green", "ruler", "hair"]);
    expect(toy.audit.concepts[2]).toMatchObject({ name: "green", kind: "spurious" });
  });

  it("a pressed row stays what it is until it is let go, so that it can be clicked and dragged", async () => {
    const toy = auditModel();
    const el = await open(toy);
    const node = row(el, "green");
    node.dispatchEvent(Object.assign(new Event("pointerdown", { bubbles: true }), { button: 0 }));
    toy.audit.verdicts.set(2, "unsure");
    toy.audit.concepts[1] = { ...toy.audit.concepts[1], note: "changed meanwhile" };
    toy.bump();
    await arrived();
    expect(row(el, "green")).toBe(node);
    document.dispatchEvent(new Event("pointerup"));
    await new Promise((done) => setTimeout(done, 1));
    expect(node.isConnected).toBe(false);
    expect(byId(row(el, "green"), "note-button").title).toBe("changed meanwhile");
  });

  it("text being typed survives an audit that arrives meanwhile", async () => {
    const toy = auditModel();
    const el = await open(toy);
    press(row(el, "red"), "Enter");
    const field = byId(el, "edit-note");
    field.focus();
    field.value = "half a sentence";
    toy.bump();
    await arrived();
    expect(byId(el, "edit-note").value).toBe("half a sentence");
    expect(document.activeElement).toBe(field);
  });

  it("what a cell changes shows in the window", async () => {
    const toy = auditModel();
    const el = await open(toy);
    toy.audit.concepts = [concept("blue"), ...CONCEPTS];
    toy.audit.verdicts.set(2, "unsure");
    toy.bump();
    await arrived();
    expect(names(el)[0]).toBe("blue");
    expect(pressed(el, "blue")).toBe("unsure");
    toy.kernelSets({ selection: [7] });
    await arrived();
    expect(row(el, "ruler").getAttribute("aria-selected")).toBe("true");
  });

  it("hostile strings are text", async () => {
    const bad = `<img src=x onerror="alert(1)">\u202e\u{1f389}"'&lt;${"x".repeat(10_000)}`;
    const el = await open(auditModel({ concepts: [concept(bad, { note: bad, prompts: ["red", bad] })] }));
    press(row(el, bad), "Enter");
    expect(el.querySelector("img")).toBeNull();
    expect(byId(el, "concept-name").textContent).toBe(bad);
    expect(all(el, "prompt")[1].value).toBe(bad);
    expect(row(el, bad).getAttribute("aria-label").length).toBeLessThan(900);
  });

  it("an edit the kernel refuses is told, and what is shown goes back", async () => {
    const toy = auditModel(
      {},
      {
        audit_edit: () => {
          throw Object.assign(new Error("the concept 'red' stands twice"), { name: "ValueError" });
        },
      },
    );
    const el = await open(toy);
    press(row(el, "green"), "Enter");
    enter(byId(el, "edit-name"), "refused");
    await arrived();
    expect(byId(el, "banner").textContent).toContain("stands twice");
    expect(names(el)).toEqual(["red", "green", "purple", "ruler", "hair"]);
  });
});

describe("the right side", () => {
  it("says what the score rests on, or that relevance is not known and how to get it", async () => {
    const weighted = await open(auditModel());
    expect(byId(weighted, "balance").textContent).toContain("What the melanoma score rests on");
    expect(byId(weighted, "share-spurious").textContent).toBe("spurious20 % 15–25");
    expect(byId(weighted, "missed").textContent).toContain(
      "With these 20 images a shortcut below 0.40 would be missed.",
    );
    /** @type {() => void} */
    let done = () => {};
    const toy = auditModel(
      { weighted: false },
      {
        audit_relevance: () =>
          new Promise((resolve) => {
            done = () => resolve({});
          }),
      },
    );
    const el = await open(toy);
    expect(byId(el, "unweighted").textContent).toContain("not weighted");
    expect(byId(el, "missed").textContent).toContain("would be missed");
    expect(byId(row(el, "red"), "relevance").textContent).toBe("–");
    byId(el, "compute-relevance").click();
    await settled();
    const { id } = toy.asked("audit_relevance")[0];
    await noticed();
    toy.fire("msg:custom", { kind: "progress", id, done: 3, total: 9, what: "images" }, []);
    expect(byId(byId(el, "unweighted"), "work-here").textContent).toContain("images 3 of 9");
    expect(byId(el, "compute-relevance").hidden, "it stands where the button was").toBe(true);
    toy.audit.weighted = true;
    done();
    await arrived();
    expect(byId(el, "share-valid").textContent).toContain("20 %");
  });

  it("cancelling the relevance tells the kernel", async () => {
    const toy = auditModel({ weighted: false }, { audit_relevance: () => new Promise(() => {}) });
    const el = await open(toy);
    byId(el, "compute-relevance").click();
    await noticed();
    byId(byId(el, "work-here"), "cancel-work").click();
    await arrived();
    expect(
      toy.sent.some(({ kind, id }) => kind === "abort" && id === toy.asked("audit_relevance")[0].id),
    ).toBe(true);
    expect(all(el, "compute-relevance")).toHaveLength(1);
    expect(all(el, "banner")).toEqual([]);
  });

  it("a region chosen by its name gets one verdict for all", async () => {
    const toy = auditModel();
    const el = await open(toy);
    byId(el, "region-spurious").click();
    expect(toy.state.selection).toEqual([8, 7, 6]);
    expect(byId(el, "bulk-count").textContent).toBe("3");
    byId(el, "bulk-spurious").click();
    await arrived();
    expect([...toy.audit.verdicts.keys()].sort()).toEqual([6, 7, 8]);
  });

  it("Shift-drag on the scatter is a lasso; a click chooses the mark under it", async () => {
    const toy = auditModel();
    const el = await open(toy);
    const marks = byId(el, "scatter-marks");
    const pointer = (type, clientX, clientY, shiftKey = false) =>
      marks.dispatchEvent(
        new PointerEvent(type, { clientX, clientY, shiftKey, button: 0, pointerId: 1, bubbles: true }),
      );
    pointer("pointerdown", 0, 0, true);
    for (const [x, y] of [
      [480, 0],
      [480, 300],
      [0, 300],
    ])
      pointer("pointermove", x, y);
    pointer("pointerup", 0, 300);
    expect(toy.state.selection).toHaveLength(11); // all but the neutral one, which is not drawn
    press(byId(el, "scatter"), "3");
    await arrived();
    expect(toy.audit.verdicts.size).toBe(11);
    expect(el.querySelector(".sl-lasso").hasAttribute("d")).toBe(false);
  });

  it("without concepts of one kind, components stand at zero on its axis", async () => {
    const only = CONCEPTS.filter(({ kind }) => kind === "valid");
    const toy = auditModel({ concepts: only });
    const el = await open(toy);
    expect(byId(el, "scatter").dataset.count).toBe("12");
    expect(byId(el, "scatter-marks").getAttribute("aria-label")).toContain("4 valid");
    const points = {
      rows: Int32Array.of(4, 7),
      valid: Float32Array.of(3, 1),
      spurious: Float32Array.of(Number.NaN, Number.NaN),
      relevance: Float32Array.of(Number.NaN, Number.NaN),
      region: Uint8Array.of(REGIONS.indexOf("valid"), REGIONS.indexOf("neutral")),
      regions: REGIONS,
    };
    const { places, order } = plottedOf(/** @type {any} */ ({ points, z: 2, weighted: false }));
    expect([[...order], [...places]]).toEqual([[0], [0, 3, Number.NaN, Number.NaN]]);
  });

  it("the queue shows the unexpected by relevance, and a verdict brings the next", async () => {
    const toy = auditModel();
    const el = await open(toy);
    const ids = () => all(el, "queue-card").map((card) => Number(card.dataset.card));
    expect(ids()).toEqual([11, 10, 5]);
    expect(byId(el, "queue-where").textContent).toBe("1–3 of 4, largest share first");
    byId(all(el, "queue-card")[0], "decide-unsure").click();
    await arrived();
    expect(ids()).toEqual([10, 5, 2]);
    expect(toy.audit.verdicts.get(11)).toBe("unsure");
  });

  it("an unexpected component that is called as a concept only resembles it", async () => {
    const toy = auditModel();
    const { audit } = toy.verbs;
    toy.verbs.audit = () => {
      const made = audit();
      made.valid_concept[11] = 0; // red, below the line
      return made;
    };
    toy.verbs.components = ({ rows: some }) => ({
      components: some.map((one) => ({
        ...componentOf(one),
        label: { text: "Red", margin: 0.1, confident: true },
      })),
    });
    const el = await open(toy);
    await arrived();
    const [first, second] = all(el, "queue-card");
    expect(byId(first, "resembles").textContent).toBe("resembles red, below the line");
    expect(all(second, "resembles")).toEqual([]);
    expect(second.textContent).toContain("Red");
  });

  it("the other thresholds can be set, and what is no number is put back", async () => {
    const toy = auditModel({}, { audit_thresholds: () => ({ python: "lens.audit(used=0.05)" }) });
    const el = await open(toy);
    const used = byId(el, "threshold-used");
    expect([byId(el, "threshold-margin").value, used.value, byId(el, "threshold-min_effect").value]).toEqual([
      "1",
      "2",
      "0.05",
    ]);
    used.value = "5";
    used.dispatchEvent(new Event("change"));
    await arrived();
    expect(toy.asked("audit_thresholds")[0].args).toEqual({ thresholds: { used: 0.05 } });
    used.value = "500";
    used.dispatchEvent(new Event("change"));
    expect(used.value).toBe("2");
    expect(toy.asked("audit_thresholds")).toHaveLength(1);
  });

  it("where people disagree the row says what, who and when, inert", async () => {
    const said = [
      { decision: "spurious", label: "", who: "<b>Ben</b>", when: "2026-11-25T20:10:00.1Z" },
      { decision: "valid", label: "scale", who: "Ada", when: "2026-11-24T08:00:00.1Z" },
    ];
    const state = { concepts: CONCEPTS, past: [], future: [], notice: "", weighted: true, level: 0.01 };
    const verdicts = new Map([[6, "spurious"]]);
    const made = answer({ ...state, verdicts, target: "melanoma" });
    made.verdicts[0].conflict = said;
    const el = await open(auditModel({}, { audit: () => made }));
    const line = all(el, "conflict");
    expect(line).toHaveLength(1);
    expect(line[0].previousElementSibling?.dataset.name).toBe("ruler");
    expect(line[0].textContent).toContain("spurious <b>Ben</b>, 2026-11-25 20:10");
    expect(line[0].textContent).toContain("valid “scale” Ada, 2026-11-24 08:00");
    expect(line[0].previousElementSibling?.getAttribute("aria-label")).toContain("people disagree");
  });

  it("target and level are traits; another level is offered as it is", async () => {
    const toy = auditModel();
    const el = await open(toy);
    byId(el, "audit-level").value = "0.05";
    byId(el, "audit-level").dispatchEvent(new Event("change"));
    expect(toy.state.audit_level).toBe(0.05);
    toy.kernelSets({ audit_level: 0.02 });
    toy.bump();
    await arrived();
    expect(byId(el, "audit-level").selectedOptions[0].textContent).toBe("p = .02");
    byId(el, "audit-target").selectedIndex = 0;
    byId(el, "audit-target").dispatchEvent(new Event("change"));
    expect(toy.state.audit_target).toBe("nevus");
    press(byId(el, "threshold-x"), "ArrowRight");
    expect(toy.state.audit_level).toBeCloseTo(normalTail(2.43), 4);
  });

  it("the report is made by the kernel and saved under its name", async () => {
    const clicked = vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(() => {});
    const toy = auditModel();
    const el = await open(toy);
    byId(el, "report").click();
    byId(el, "report-html").click();
    await arrived();
    expect(toy.asked("audit_report")[0].args).toEqual({ format: "html" });
    expect(clicked.mock.contexts[0].download).toBe("audit.html");
    clicked.mockRestore();
  });
});

describe("names", () => {
  it("one that another concept has is refused at once, and the editor stays with its own", async () => {
    const toy = auditModel();
    const el = await open(toy);
    byId(el, "add-spurious").click();
    await arrived();
    const edits = toy.asked("audit_edit").length;
    enter(byId(el, "edit-name"), "ruler");
    await arrived();
    expect(byId(el, "banner").textContent).toContain("another concept has this name");
    expect(toy.asked("audit_edit")).toHaveLength(edits);
    enter(byId(el, "edit-name"), "scale");
    await arrived();
    expect(names(el)).toEqual(expect.arrayContaining(["ruler", "scale"]));
    expect(names(el)).not.toContain("new concept");
  });
});

describe("used or not", () => {
  it("a share that does not move the class is pale, and says so in words", async () => {
    const el = await open(auditModel());
    const cell = (name) => row(el, name).querySelector(".sl-check-relevance");
    expect(cell("ruler").classList.contains("sl-unused")).toBe(false);
    expect(cell("hair").classList.contains("sl-unused")).toBe(true);
    expect(row(el, "hair").getAttribute("aria-label")).toContain("not used");
    expect([cell("ruler").title, cell("hair").title]).toEqual(["used, speaks for it", "not used"]);
    row(el, "hair").dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
    await arrived();
    expect(byId(el, "found-in").textContent).toContain("not used");
  });

  it("before the relevance is known nothing is pale", async () => {
    const el = await open(auditModel({ weighted: false }));
    expect(el.querySelector(".sl-unused")).toBeNull();
  });
});

describe("states", () => {
  it.each(["abcde", "example"])("without a checklist it offers to start with %s", async (kind) => {
    const toy = auditModel({ concepts: [] });
    const el = await open(toy);
    byId(el, `start-${kind}`).click();
    await arrived();
    expect(toy.asked("audit_start")[0].args).toEqual({ kind });
    expect(names(el)).toHaveLength(5);
  });

  it.each(["chosen", "dropped"])("a checklist in a file is opened where it is %s", async (how) => {
    const toy = auditModel({ concepts: [] }, { audit_open: () => ({ python: "lens.checklist = …" }) });
    const el = await open(toy, lensWindow);
    const file = new File(["# mine"], "mine.md");
    if (how === "chosen") {
      const input = all(el, "checklist-file").at(-1);
      Object.defineProperty(input, "files", { value: [file] });
      input.dispatchEvent(new Event("change"));
    } else {
      const drop = new Event("drop", { bubbles: true, cancelable: true });
      byId(el, "start-abcde").dispatchEvent(
        Object.assign(drop, { dataTransfer: { types: ["Files"], files: [file] } }),
      );
    }
    await arrived();
    const { args, buffers } = toy.asked("audit_open")[0];
    expect(args).toEqual({ name: "mine.md" });
    expect(new TextDecoder().decode(buffers[0])).toBe("# mine");
    expect(byId(el, "python-line").textContent).toBe("lens.checklist = …");
  });

  it("the checklist is kept as a file", async () => {
    vi.stubGlobal("URL", Object.assign(URL, { createObjectURL: () => "blob:x", revokeObjectURL: () => {} }));
    const python = 'lens.checklist.to_file("checklist.json")';
    const toy = auditModel(
      {},
      { audit_file: () => ({ name: "checklist.json", python, file: new Blob(["{}"]) }) },
    );
    const el = await open(toy, lensWindow);
    byId(el, "save-checklist").click();
    await arrived();
    expect(byId(el, "python-line").textContent).toBe(python);
  });

  it("an empty checklist still has its sections to add to", async () => {
    const el = await open(auditModel({ concepts: [] }));
    byId(el, "start-empty").click();
    byId(el, "add-valid").click();
    await arrived();
    expect(names(el)).toEqual(["new concept"]);
  });

  it("says what was restored until that is dismissed", async () => {
    const el = await open(auditModel({ notice: "restored 14 verdicts, saved on Nov 25" }));
    expect(byId(el, "audit-notice").textContent).toContain("14 verdicts");
    byId(el, "notice-dismiss").click();
    expect(byId(el, "audit-notice").hidden).toBe(true);
  });

  it("an audit that fails says why, keeps what is drawn, and can be tried again", async () => {
    let broken = true;
    const toy = auditModel(
      {},
      {},
      { follows: ["audit_version", "audit_target", "audit_level", "selection"] },
    );
    const good = toy.model.send;
    toy.model.send = (message, callbacks, buffers) =>
      message.verb === "audit" && broken
        ? queueMicrotask(() =>
            toy.fire(
              "msg:custom",
              { kind: "error", id: message.id, error: { type: "RuntimeError", message: "no CLIP at hand" } },
              [],
            ),
          )
        : good(message, callbacks, buffers);
    const el = await open(toy);
    expect(byId(el, "banner").textContent).toContain("no CLIP at hand");
    broken = false;
    byId(el, "audit-again").click();
    await arrived();
    expect(names(el)).toHaveLength(5);
    broken = true;
    toy.bump();
    await arrived();
    expect(byId(el, "banner").textContent).toContain("no CLIP at hand");
    expect(names(el)).toHaveLength(5);
  });
});

describe("without a kernel", () => {
  const controls = ["report", "undo", "audit-target", "audit-level", "threshold-used"];

  it("what would need one is off, what is drawn stays", async () => {
    const toy = auditModel();
    const el = await open(toy);
    decide(el, "red", "valid");
    await arrived();
    expect(controls.map((id) => byId(el, id).disabled)).toEqual(controls.map(() => false));
    toy.kill();
    await arrived();
    expect(byId(el, "banner").textContent).toContain("The kernel is gone");
    expect(controls.map((id) => byId(el, id).disabled)).toEqual(controls.map(() => true));
    expect(names(el)).toHaveLength(5);
  });

  it("relevance cannot be asked for", async () => {
    const toy = auditModel({ weighted: false });
    const el = await open(toy);
    const sent = () => toy.sent.filter(({ verb }) => verb === "audit_relevance").length;
    toy.kill();
    byId(el, "compute-relevance").click();
    await arrived();
    expect(sent()).toBe(0);
    expect(byId(el, "compute-relevance").getAttribute("aria-disabled")).toBe("true");
  });

  it("a verdict that nobody took is not shown as if it were kept", async () => {
    const toy = auditModel();
    const el = await open(toy);
    decide(el, "red", "valid");
    await arrived();
    toy.kill();
    decide(el, "red", "spurious");
    byId(el, "add-valid").click();
    await arrived();
    expect(pressed(el, "red")).toContain("valid");
    expect(names(el)).toHaveLength(5);
  });

  it("a report menu that is open closes", async () => {
    const toy = auditModel();
    const el = await open(toy);
    byId(el, "report").click();
    expect(byId(el, "report-menu").hidden).toBe(false);
    toy.kill();
    await arrived();
    expect(byId(el, "report-menu").hidden).toBe(true);
  });

  it("over a file the report says where it is made", async () => {
    const state = { concepts: CONCEPTS, past: [], future: [], notice: "", weighted: true, level: 0.01 };
    const made = answer({ ...state, verdicts: new Map(), target: "melanoma" });
    made.formats = [];
    const el = await open(auditModel({}, { audit: () => made }));
    expect(byId(el, "report").disabled).toBe(true);
    expect(byId(el, "report").title).toContain("lens.write_report");
  });
});

describe("the tab of the window", () => {
  it("has undo and redo in the header and ends gestures in Python", async () => {
    const toy = auditModel();
    const el = await open(toy, lensWindow);
    const header = el.querySelector(".sl-tools");
    expect(all(byId(el, "audit"), "undo"), "one undo is enough").toEqual([]);
    expect(all(header, "undo")).toHaveLength(1);
    decide(el, "red", "valid");
    await arrived();
    expect(byId(el, "python-line").textContent).toBe("lens.checklist = …");
  });
});

describe("a report's components", () => {
  const columns = { rows: [], valid: [], spurious: [], relevance: [], region: [], region_names: [] };
  const read = async (/** @type {any} */ answer) =>
    (
      await auditSource(async () => ({ verdicts: [], ...columns, ...answer })).audit(
        new AbortController().signal,
      )
    ).report;

  it("are taken out of columns, one concept after the other, whatever the concepts are called", async () => {
    const findings = JSON.parse('{"2":{"found":1},"1":{"found":0},"__proto__":{"found":2}}');
    const report = await read({
      report: { names: ["2", "1", "__proto__"], findings },
      queue: Int32Array.of(9, 4),
      found_rows: Int32Array.of(5, 7, 3),
      found_z: Float32Array.of(4, 3.5, 2.5),
    });
    expect(report?.queue).toEqual([9, 4]);
    const found = report?.names.map((name) => Object.getOwnPropertyDescriptor(report.findings, name)?.value);
    expect(found?.map(({ rows, zs }) => [rows, zs])).toEqual([
      [[5], [4]],
      [[], []],
      [
        [7, 3],
        [3.5, 2.5],
      ],
    ]);
  });

  it("stand in the report itself in files of before", async () => {
    const findings = { red: { rows: [5, 7], zs: [4, 3] } };
    const report = await read({ report: { names: ["red"], findings, queue: [1] } });
    expect([report?.queue, report?.findings]).toEqual([[1], findings]);
  });
});

describe("the dossier and the readers", () => {
  const DOSSIER = {
    title: "",
    parts: [
      {
        name: "Purpose",
        fields: [
          { name: "purpose", title: "Intended purpose", hint: "What it is for", text: "" },
          { name: "users", title: "Intended users", hint: "Who uses it", text: "Physicians" },
        ],
      },
    ],
    risks: [{ finding: "ruler", residual: "", owner: "", action: "" }],
    signatories: "",
    done: 1,
    there: 36,
  };

  it("the dossier opens in the place of the list, says what is empty, and sends what is typed", async () => {
    const said = [];
    const toy = auditModel(
      {},
      {
        dossier: () => structuredClone(DOSSIER),
        dossier_say: (args) => {
          said.push(args);
          DOSSIER.parts[0].fields[0].text = args.text;
          return { python: "lens.dossier = …" };
        },
        dossier_finding: (args) => {
          said.push(args);
          return { python: "" };
        },
      },
    );
    const el = await open(toy);
    expect(byId(el, "dossier-panel").hidden).toBe(true);
    byId(el, "open-dossier-panel").click();
    await arrived();
    const panel = byId(el, "dossier-panel");
    expect(panel.hidden).toBe(false);
    expect(byId(el, "section-valid").closest(".sl-check-scroll").hidden).toBe(true);
    expect(byId(panel, "dossier-done").textContent).toContain("1 of 36");
    expect(panel.textContent).toContain("not provided");
    expect(byId(panel, "say-users").value).toBe("Physicians");
    enter(byId(panel, "say-purpose"), "To help.\n\nNot to decide.");
    byId(panel, "say-purpose").blur();
    await arrived();
    enter(byId(panel, "risk-owner"), "Ada");
    await arrived();
    expect(said).toEqual([
      { field: "purpose", text: "To help.\n\nNot to decide." },
      { finding: "ruler", name: "owner", text: "Ada" },
    ]);
    byId(panel, "close-panel").click();
    expect(panel.hidden).toBe(true);
    expect(rows(el).length).toBe(CONCEPTS.length);
  });

  it("what somebody is typing is not drawn over by news", async () => {
    const toy = auditModel({}, { dossier: () => ({ ...structuredClone(DOSSIER), done: Math.random() }) });
    const el = await open(toy);
    byId(el, "open-dossier-panel").click();
    await arrived();
    const field = byId(el, "say-users");
    field.focus();
    field.value = "Physicians and nur";
    toy.bump();
    await arrived();
    expect(byId(el, "say-users")).toBe(field);
    expect(field.value).toBe("Physicians and nur");
  });

  it("a mistake is told as it is written, and is over with the next change that is taken", async () => {
    let tries = 0;
    const begin = () => {
      tries += 1;
      if (tries === 1) throw Object.assign(new Error("wrong.md: no such reader"), { name: "ValueError" });
      if (tries === 2) throw Object.assign(new Error("two readers are needed"), { name: "ValueError" });
      return { python: "lens.begin_reading(…)" };
    };
    const toy = auditModel(
      {},
      { readers: () => ({ auditor: "", concepts: 5, reading: null }), readers_begin: begin },
    );
    const el = await open(toy);
    byId(el, "open-readers-panel").click();
    await arrived();
    for (const sentence of [false, true]) {
      byId(el, "readers-begin").click();
      await arrived();
      expect(byId(el, "banner").querySelector("p").classList.contains("sl-sentence")).toBe(sentence);
    }
    byId(el, "readers-begin").click();
    await arrived();
    expect(all(el, "banner")).toEqual([]);
  });

  it("two readers begin, see what is left of their own, finish, and settle what they disagree about", async () => {
    const asked = [];
    let state = { auditor: "Ada", concepts: 3, reading: null };
    const going = {
      readers: ["Ada", "Ben"],
      subjects: 3,
      open: false,
      done: [],
      reads: true,
      left: ["hair"],
    };
    const next = (verb, reading) => [
      verb,
      (args) => {
        asked.push([verb, args]);
        state = { ...state, reading };
        return { python: "…" };
      },
    ];
    const disagreements = [{ subject: "@ruler", decisions: ["valid", "spurious"], settled: null }];
    const verbs = Object.fromEntries([
      ["readers", () => structuredClone(state)],
      next("readers_begin", going),
      next("readers_finish", {
        ...going,
        open: true,
        done: ["Ada", "Ben"],
        left: [],
        agreement: { sentence: "Ada and Ben agree on 2 of 3", disagreements },
      }),
      next("readers_settle", null),
    ]);
    const el = await open(auditModel({}, verbs));
    byId(el, "open-readers-panel").click();
    await arrived();
    const panel = byId(el, "readers-panel");
    expect(byId(panel, "reader-first").value).toBe("Ada");
    byId(panel, "reader-second").value = "Ben";
    byId(panel, "readers-begin").click();
    await arrived();
    expect(byId(panel, "readers-state").textContent).toContain("Ben reads");
    expect(byId(panel, "readers-left").textContent).toContain("1 of 3 concepts left: hair");
    expect(all(panel, "readers-finish")).toEqual([]);
    state = { ...state, auditor: "Eve", reading: { ...going, reads: false } };
    byId(panel, "close-panel").click();
    byId(el, "open-readers-panel").click();
    await arrived();
    expect(byId(panel, "readers-outside").textContent).toContain("Eve is none of the readers");
    expect(byId(panel, "readers-outside").textContent).toContain("put Ada or Ben into the field");
    state = { auditor: "Ada", concepts: 3, reading: going };
    state = { ...state, reading: { ...going, left: [] } };
    byId(panel, "close-panel").click();
    byId(el, "open-readers-panel").click();
    await arrived();
    byId(panel, "readers-finish").click();
    await arrived();
    expect(byId(panel, "readers-agreement").textContent).toContain("agree on 2 of 3");
    byId(panel, "settle-reason").value = "It is a sticker";
    byId(panel, "settle-spurious").click();
    await arrived();
    expect(asked).toEqual([
      ["readers_begin", { first: "Ada", second: "Ben" }],
      ["readers_finish", {}],
      ["readers_settle", { subject: "@ruler", decision: "spurious", reason: "It is a sticker" }],
    ]);
  });
});
