/** How strongly all images excite a component, with the cut of its strongest examples. */

import { svg } from "../shared/dom.js";
import { activation } from "../shared/format.js";
import { linear, ticks } from "../shared/scales.js";

const HEIGHT = 76;
const TOP = 12;
const BASE = 58;

/**
 * Heights are log counts: nearly all images excite a component hardly at all.
 * @param {{histogram: {edges: number[], counts: number[]}, cut: number | null, examples: number, width: number}} options
 */
export function histogram({ histogram: { edges, counts }, cut, examples, width }) {
  const x = linear([edges[0], edges[edges.length - 1]], [0, width]);
  const y = linear([0, Math.log1p(Math.max(1, ...counts))], [0, BASE - TOP]);
  const axis = ticks([edges[0], edges[edges.length - 1]], 4);
  const bars = (/** @type {boolean} */ above) =>
    counts
      .map((n, i) => {
        const isAbove = cut !== null && (edges[i] + edges[i + 1]) / 2 >= cut;
        if (!n || isAbove !== above) return "";
        const left = x(edges[i]);
        return `M${left.toFixed(1)} ${BASE}V${(BASE - Math.max(1, y(Math.log1p(n)))).toFixed(1)}H${Math.max(left + 0.6, x(edges[i + 1]) - 1).toFixed(1)}V${BASE}Z`;
      })
      .join("");
  const cutAt = cut === null ? null : x(cut);
  const text = cut === null ? "" : `top ${examples} from ${activation(cut)}`;
  const atLeft = cutAt !== null && cutAt > text.length * 6.2;
  return svg`<svg width=${width} height=${HEIGHT} role="img"
    aria-label="Activations over all images, log count${cut === null ? "" : `; ${text}`}"
    data-testid="histogram">
    <path d=${bars(false)} class="sl-histogram-rest" />
    <path d=${bars(true)} class="sl-histogram-top" />
    <path class="sl-axis" d="M0 ${BASE + 0.5}H${width}" />
    ${axis.values
      .filter((value) => x(value) < width - 66)
      .map(
        (value) =>
          svg`<text class="sl-quiet" x=${x(value)} y="72" text-anchor=${x(value) < 8 ? "start" : "middle"}>
            ${activation(value).replace(/\.0+$/, "")}
          </text>`,
      )}
    <text class="sl-quiet" x=${width} y="72" text-anchor="end">activation</text>
    ${cutAt !== null && svg`<path class="sl-histogram-cut" d="M${cutAt} 2V${BASE}" />`}
    ${
      cutAt !== null &&
      svg`<text x=${atLeft ? cutAt - 4 : cutAt + 4} y="10" text-anchor=${atLeft ? "end" : "start"}>
        ${text}
      </text>`
    }
  </svg>`;
}
