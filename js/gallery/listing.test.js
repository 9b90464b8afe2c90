import { describe, expect, it } from "vitest";
import { literal } from "../shared/python.js";
import { hitsOf } from "../testing/toy.js";
import { asPython, EVERYTHING, filters, listed, otherEnd } from "./listing.js";

const count = 12;
const columns = {
  alive: Uint8Array.from({ length: count }, (_, row) => Number(row !== 11)),
  density: Float32Array.from({ length: count }, (_, row) => (row === 11 ? 0 : (row + 1) / 20)),
  by: Float32Array.from({ length: count }, (_, row) => (row === 4 ? Number.NaN : (row * 5) % 7)),
  of: Float32Array.from({ length: count }, (_, row) => (row % 2 ? 0.5 : 0)),
};

/** The plain way: all rows in their order, filtered, then sorted with the places kept. */
function plainly(hits, wish) {
  let rows = [...hits.rows];
  if (wish.show !== "all")
    rows = rows.filter((row) => Boolean(columns.alive[row]) === (wish.show === "alive"));
  if (wish.from !== null) rows = rows.filter((row) => columns.density[row] >= wish.from);
  if (wish.to !== null) rows = rows.filter((row) => columns.density[row] <= wish.to);
  if (wish.of !== null) rows = rows.filter((row) => columns.of[row] > 0);
  if (wish.by === null) return rows;
  const known = rows.filter((row) => !Number.isNaN(columns.by[row]));
  const ordered = known.toSorted((a, b) => (wish.descending ? -1 : 1) * (columns.by[a] - columns.by[b]));
  return [...ordered, ...rows.filter((row) => Number.isNaN(columns.by[row]))];
}

describe("what a gallery lists", () => {
  it("is what a plain filter and a stable sort give, for every wish", () => {
    for (const query of ["", "red"])
      for (const by of [null, "peak"])
        for (const descending of [true, false])
          for (const show of ["all", "alive", "dead"])
            for (const [from, to] of [
              [null, null],
              [0.1, null],
              [null, 0.3],
              [0.1, 0.3],
            ])
              for (const of of [null, "melanoma"]) {
                const [hits, wish] = [hitsOf(query), { by, descending, show, from, to, of }];
                const shown = listed(hits, wish, columns);
                expect([...shown.rows]).toEqual(plainly(hits, wish));
                expect(shown.count).toBe(shown.rows.length);
                for (const [at, place] of [...(shown.places ?? [])].entries()) {
                  expect(shown.rows[at]).toBe(hits.rows[place]);
                  expect(shown.scores?.[at]).toBe(hits.scores?.[place]);
                }
              }
  });

  it("is the answer itself where nothing is wished, and before the numbers are there", () => {
    const hits = hitsOf("red");
    expect(listed(hits, EVERYTHING, columns)).toBe(hits);
    expect(listed(hits, { ...EVERYTHING, by: "peak" }, null)).toBe(hits);
    expect(listed(hits, { ...EVERYTHING, by: "peak" }, { ...columns, by: null })).toBe(hits);
    expect(filters({ ...EVERYTHING, by: "peak" })).toBe(false);
  });

  it("counts those above the null among what is left", () => {
    const shown = listed(hitsOf("red"), { ...EVERYTHING, of: "melanoma" }, columns);
    expect([...shown.rows].slice(0, 2)).toEqual([3, 9]);
    expect([shown.n_above_null, shown.n_above_all]).toEqual([2, 4]);
  });

  it("has a line of Python that says the same", () => {
    const wish = {
      by: "density",
      descending: false,
      show: "alive",
      from: 0.001,
      to: null,
      of: 'a "b"',
    };
    expect(asPython(wish, literal)).toBe(
      'lens.rank("density", descending=False, alive=True, density=(0.001, None), examples_of="a \\"b\\"")',
    );
    expect(asPython(EVERYTHING, literal)).toBe("lens.rank()");
  });

  it("knows the other end of signed components alone", () => {
    const layers = [
      { name: "a", count: 3, signed: false },
      { name: "b", count: 4, signed: true },
    ];
    expect([0, 3, 4, 5, 6].map((row) => otherEnd(layers, row))).toEqual([null, 5, 6, 3, 4]);
  });
});
