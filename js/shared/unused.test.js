import { expect, it } from "vitest";
import { withoutUnused } from "../unused.mjs";

it("what the bundle does not name is left out of its styles: rules, then tokens that only they used", () => {
  const css =
    ".semlens{--sl-a:#111;--sl-b:var(--sl-c);--sl-c:#333;--sl-d:#444}.semlens .sl-row{color:var(--sl-a)}" +
    ".semlens .sl-gone,.semlens .sl-row .sl-gone{color:var(--sl-b)}.semlens .sl-gone,.semlens .sl-row i{top:0}" +
    "@container semlens (max-width:9px){.semlens .sl-gone{top:1px}}";
  expect(withoutUnused(css, 'h("i",{class:"sl-row"})')).toBe(
    ".semlens{--sl-a:#111;}.semlens .sl-row{color:var(--sl-a)}.semlens .sl-gone,.semlens .sl-row i{top:0}",
  );
});

it("names that a script fills in stay, and so do those in lists of which one is enough", () => {
  const css =
    ".semlens{--sl-cat-1:red;--sl-seq-1:blue}.semlens .sl-of-valid{top:0}.semlens .sl-for{top:1px}" +
    ".semlens .sl-other{top:2px}.semlens :is(.sl-row,.sl-other){top:3px}";
  // biome-ignore lint/suspicious/noTemplateCurlyInString: these are scripts
  const script = 'a=`sl-of-${x}`;b=`sl-${y?"for":"against"}`;c=`var(--sl-cat-${n})`;d="sl-row"';
  expect(withoutUnused(css, script)).toBe(
    ".semlens{--sl-cat-1:red;}.semlens .sl-of-valid{top:0}.semlens .sl-for{top:1px}" +
      ".semlens :is(.sl-row,.sl-other){top:3px}",
  );
});
