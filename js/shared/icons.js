/** Line drawings of 16 px that carry no meaning of their own. A window brings those it shows, and no others. */

/** @typedef {{d: string}} Icon the path of a drawing */

/** @type {Icon} */
export const search = { d: "M7 2.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0 -9M10.5 10.5 14 14" };
/** @type {Icon} */
export const plus = { d: "M8 3.5v9M3.5 8h9" };
/** @type {Icon} */
export const minus = { d: "M3.5 8h9" };
/** @type {Icon} */
export const cross = { d: "m4.5 4.5 7 7m0-7-7 7" };
/** @type {Icon} */
export const image = {
  d: "M3 3h10a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H3a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1ZM5.5 5.5a1 1 0 1 0 0 2a1 1 0 1 0 0-2M3 12l4-4 3 3 2-2 2 2",
};
/** @type {Icon} */
export const copy = {
  d: "M6 5h7a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1M3 11H2.5a.9.9 0 0 1-.9-.9V3a1.2 1.2 0 0 1 1.2-1.2H10a.9.9 0 0 1 .9.9",
};
/** @type {Icon} */
export const check = { d: "m3.5 8.5 3 3 6-7" };
/** @type {Icon} */
export const pin = { d: "M6 2.5h4M6.5 2.5v4L4.5 9h7l-2-2.5v-4M8 9v4.5" };
/** @type {Icon} */
export const note = { d: "M3 2.5h10v7.5l-3.5 3.5H3ZM13 10H9.5v3.5M5.5 5.5h5M5.5 8h3" };
/** @type {Icon} */
export const undo = { d: "M5.5 3 2.5 6l3 3M2.5 6h6.5a4 3.7 0 0 1 0 7.4H6" };
/** @type {Icon} */
export const redo = { d: "M10.5 3l3 3-3 3M13.5 6H7a4 3.7 0 0 0 0 7.4h3" };
/** @type {Icon} */
export const left = { d: "m9.5 4-4 4 4 4" };
/** @type {Icon} */
export const right = { d: "m6.5 4 4 4-4 4" };
/** @type {Icon} */
export const up = { d: "m4 9.5 4-4 4 4" };
/** @type {Icon} */
export const down = { d: "m4 6.5 4 4 4-4" };
/** @type {Icon} */
export const bin = { d: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.5 8.5h6l.5-8.5" };
/** @type {Icon} */
export const download = { d: "M8 2.5v7m-3-3 3 3 3-3M3 13h10" };
/** @type {Icon} */
export const warn = { d: "M8 2.5 14 13.5H2ZM8 6.5v3M8 11.5v.2" };
