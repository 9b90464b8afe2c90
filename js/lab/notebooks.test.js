import { describe, expect, it } from "vitest";
import { auditNotebook, clipArguments, demoNotebook, openNotebook } from "./notebooks.js";

const KERNEL = { name: "torch", display_name: "Python (torch)" };

describe("notebooks that commands write", () => {
  it("take the CLIP and the thumbnail size of the settings", () => {
    const { cells, metadata } = auditNotebook({ clip: "ViT-B-32 openai", thumbnail: 96 }, KERNEL);
    const text = cells.map(({ source }) => source).join("\n");
    expect(text).toContain('sl.OpenClip("ViT-B-32", "openai")');
    expect(text).toContain("lens.fit(thumbnail=96, relevance=True)");
    expect(text).toContain("lens.show()");
    expect(metadata.kernelspec).toEqual(KERNEL);
  });

  it("leave it to the person what the model should use", () => {
    const { cells } = auditNotebook({ clip: "a b", thumbnail: 1 }, KERNEL);
    const run = cells.filter(({ cell_type }) => cell_type === "code").map(({ source }) => source);
    expect(run.join("\n")).not.toContain("abcde");
    expect(cells.at(-1)?.source).toContain("open a checklist you have, start empty, or from an example");
  });

  it("know a folder of a CLIP from a name with its weights", () => {
    expect(clipArguments(" MobileCLIP2-S2  dfndr2b ")).toBe('"MobileCLIP2-S2", "dfndr2b"');
    expect(clipArguments("my clips/tiny clip")).toBe('"my clips/tiny clip"');
    expect(clipArguments("clip_folder")).toBe('"clip_folder"');
  });

  it("quote what a file is called, so that no name can be code", () => {
    const [{ source }] = openNotebook('a"); import os #.semlens', null).cells;
    expect(source).toContain('sl.open("a\\"); import os #.semlens")');
  });

  it("are nbformat 4 without outputs, and name no kernel where there is none", () => {
    for (const notebook of [auditNotebook({ clip: "a b", thumbnail: 1 }, null), demoNotebook(null)]) {
      expect([notebook.nbformat, notebook.nbformat_minor]).toEqual([4, 4]);
      expect(notebook.metadata.kernelspec).toBeUndefined();
      const code = notebook.cells.filter((cell) => cell.cell_type === "code");
      expect(code.length).toBeGreaterThan(0);
      for (const cell of code) expect(cell).toMatchObject({ outputs: [], execution_count: null });
    }
  });
});
