/**
 * Marks as pixels. Each adds its colour to the pixels that it covers; a pixel is the more opaque the more marks cover it,
 * and where they are many its colour goes towards ink. So none hides another by its place in an order, and a dense place
 * shows its density. What is chosen lies over the others, mark by mark with a ring.
 */

/** Width around a picture that is never shown, in pixels: marks need not be cut off at its edges. */
export const PAD = 64;
/** Places between pixels, and sizes between them, at which masks are prepared. */
const PHASES = 4;
const SIZES = 8;
/** So many masks are kept. */
const KEPT = 4000;
/** As many marks can be told apart by a ring; more are shown as a density of their own. */
const FEW = 400;
/** How strong the others are beside what is chosen, and those outside the layer that is shown, of 1. */
const FADED = 0.3;
const AWAY = 0.1;
/** With as many marks on a pixel as on the fullest, and not fewer than these, it is opaque. */
const FULL = 8;
/** From so many marks on a pixel its colour goes towards ink; where it is full it has got that far, of 1. */
const DENSE = 3;
const DARKEST = 0.5;
/** A ring's inner and outer distance from its mark, and the gap around a mark that stands for itself, in px. */
const RING = [1.4, 2.8];
const GAP = 0.8;

/**
 * How far a point is outside of a shape of radius r around 0; y goes down. Shapes of one radius have about one area.
 * @type {Record<string, (x: number, y: number, r: number) => number>}
 */
const OUTSIDE = {
  disc: (x, y, r) => Math.hypot(x, y) - r,
  diamond: (x, y, r) => (Math.abs(x) + Math.abs(y) - 1.2 * r) * Math.SQRT1_2,
  triangle: (x, y, r) => Math.max((Math.sqrt(3) * Math.abs(x) - y - 1.2 * r) / 2, y - 0.876 * r),
};
const REACH = 1.25;

/** Red, green, blue. @typedef {number[]} Colour */
/** How a kind of marks looks; `line` in px is that of an open one, of which `half` fills the right side. @typedef {{colour: Colour, shape?: "disc" | "diamond" | "triangle", line?: number, half?: boolean}} Style */
/** Pixels as four bytes each, alpha the highest; what is within `PAD` of the edge is not shown. @typedef {{data: Uint32Array, width: number, height: number}} Picture */
/** Which pixels of a picture a mark covers, counted from its own, and how far, 0 to 1. @typedef {{pixels: Int32Array, cover: Float32Array}} Mask */

/** What a mark is among the others. */
export const LEVEL = { away: 0, usual: 1, standing: 2, chosen: 3 };

/**
 * @typedef {object} Scene
 * @property {Float32Array} places @property {import("./places.js").Projection} view to px
 * @property {ArrayLike<number>} kinds of each row into `styles`; what has none is not drawn
 * @property {Style[]} styles
 * @property {ArrayLike<number> | null} radii @property {number} radius in px, of a mark whose own is 1
 * @property {Uint8Array} levels of each row, as `LEVEL`
 * @property {number} opacity of a mark, to 1 @property {boolean} [fades] whether few that are chosen make the others fade
 * @property {{ground: Colour, ink: Colour, accent: Colour}} inks
 * @property {{edges: number[], colour: Colour}} [box] below all marks: left, top, right, bottom in px
 */

/** @param {readonly number[]} colour */
export const packed = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;

/** A colour over a pixel. @param {number} below @param {number} red @param {number} green @param {number} blue @param {number} opacity */
function blended(below, red, green, blue, opacity) {
  const [r, g, b] = [below & 255, (below >>> 8) & 255, (below >>> 16) & 255];
  return (
    0xff000000 |
    (Math.round(b + (blue - b) * opacity) << 16) |
    (Math.round(g + (green - g) * opacity) << 8) |
    Math.round(r + (red - r) * opacity)
  );
}

/** @param {number} value */
const within = (value) => Math.min(1, Math.max(0, value));

/** Paints scenes, each over what its picture shows already. */
export function markPainter() {
  /** Sums of red, green, blue and of what covers, for each pixel. */
  let sums = new Float32Array(0);
  /** @type {Map<string, Map<number, Mask>>} */
  const made = new Map();
  let stride = 0;

  /** The masks of a style by size and phase. @param {Omit<Style, "colour">} style @param {number} ratio */
  function masksOf({ shape = "disc", line = 0, half = false }, ratio) {
    const name = [shape, line * ratio, half].join();
    const kept = made.get(name) ?? new Map();
    made.set(name, kept);
    /** @param {number} x in pixels @param {number} y @param {number} r @returns {Mask} */
    return (x, y, r) => {
      const size = Math.round(r * SIZES);
      const [px, py] = [Math.floor((x % 1) * PHASES), Math.floor((y % 1) * PHASES)];
      const key = (size * PHASES + px) * PHASES + py;
      let mask = kept.get(key);
      if (!mask) {
        if (kept.size >= KEPT) kept.clear();
        mask = maskOf(OUTSIDE[shape], size / SIZES, line * ratio, half, px / PHASES, py / PHASES);
        kept.set(key, mask);
      }
      return mask;
    };
  }

  /** @param {(x: number, y: number, r: number) => number} outside @param {number} r @param {number} line @param {boolean} half @param {number} dx @param {number} dy @returns {Mask} */
  function maskOf(outside, r, line, half, dx, dy) {
    const reach = Math.min(PAD >> 1, Math.ceil(r * REACH + 1));
    const [pixels, cover] = [/** @type {number[]} */ ([]), /** @type {number[]} */ ([])];
    for (let y = -reach; y <= reach; y++)
      for (let x = -reach; x <= reach; x++) {
        const outer = within(0.5 - outside(x - dx, y - dy, r));
        const open = line ? within(outside(x - dx, y - dy, Math.max(0.5, r - line)) + 0.5) : 1;
        const covered = outer * Math.max(open, half ? within(x - dx + 0.5) : 0);
        if (covered < 1 / 256) continue;
        pixels.push(y * stride + x);
        cover.push(covered);
      }
    return { pixels: Int32Array.from(pixels), cover: Float32Array.from(cover) };
  }

  /** Calls `visit` with each mark of a level that is in the picture. @param {Picture} picture @param {number} ratio @param {Scene} scene @param {number} level @param {(row: number, x: number, y: number, r: number) => void} visit */
  function each(
    { width, height },
    ratio,
    { places, view, kinds, styles, radii, radius, levels },
    level,
    visit,
  ) {
    const edge = PAD >> 1;
    for (let row = 0; row < levels.length; row++) {
      if (levels[row] !== level || !(kinds[row] >= 0 && kinds[row] < styles.length)) continue;
      const x = (places[2 * row] * view.sx + view.ox) * ratio + PAD;
      const y = (places[2 * row + 1] * view.sy + view.oy) * ratio + PAD;
      if (x >= edge && y >= edge && x < width - edge && y < height - edge)
        visit(row, x, y, (radii ? radii[row] : 1) * radius * ratio);
    }
  }

  /** Shows all marks of a level by how many they are. @param {Picture} picture @param {number} ratio @param {Scene} scene @param {number} level @param {number} strength of the whole, to 1 */
  function density(picture, ratio, scene, level, strength) {
    const { kinds, styles, opacity, inks } = scene;
    const masks = styles.map((style) => masksOf(style, ratio));
    sums.fill(0);
    each(picture, ratio, scene, level, (row, x, y, r) => {
      const { pixels, cover } = masks[kinds[row]](x, y, r);
      const [red, green, blue] = styles[kinds[row]].colour;
      const at = Math.floor(y) * stride + Math.floor(x);
      for (let i = 0; i < pixels.length; i++) {
        const [sum, part] = [4 * (at + pixels[i]), cover[i]];
        sums[sum] += part * red;
        sums[sum + 1] += part * green;
        sums[sum + 2] += part * blue;
        sums[sum + 3] += part;
      }
    });
    const { data, width, height } = picture;
    let most = FULL;
    for (let sum = 3; sum < sums.length; sum += 4) if (sums[sum] > most) most = sums[sum];
    const [full, fullest] = [Math.log(most), Math.log(most / DENSE)];
    for (let y = PAD; y < height - PAD; y++)
      for (let at = y * stride + PAD; at < y * stride + width - PAD; at++) {
        const many = sums[4 * at + 3];
        if (many === 0) continue;
        const alpha = many < 1 ? opacity * many : opacity + ((1 - opacity) * Math.log(many)) / full;
        const dark = many > DENSE ? (DARKEST * Math.log(many / DENSE)) / fullest : 0;
        const own = (/** @type {number} */ part) =>
          sums[4 * at + part] / many + (inks.ink[part] - sums[4 * at + part] / many) * dark;
        data[at] = blended(data[at], own(0), own(1), own(2), alpha * strength);
      }
  }

  /** Lays one colour over the pixels of a mask. @param {Picture} picture @param {Mask} mask @param {number} at @param {Colour} colour @param {number} opacity */
  function over({ data }, { pixels, cover }, at, [red, green, blue], opacity) {
    for (let i = 0; i < pixels.length; i++)
      data[at + pixels[i]] = blended(data[at + pixels[i]], red, green, blue, cover[i] * opacity);
  }

  /** Shows the marks of a level one by one, the smallest on top. @param {Picture} picture @param {number} ratio @param {Scene} scene @param {number} level @param {number} opacity */
  function marks(picture, ratio, scene, level, opacity) {
    const { kinds, styles, inks } = scene;
    const ring = masksOf({ line: RING[1] - RING[0] }, ratio);
    /** @type {[row: number, x: number, y: number, r: number][]} */
    const found = [];
    each(picture, ratio, scene, level, (...mark) => found.push(mark));
    for (const [row, x, y, r] of found.sort((a, b) => b[3] - a[3])) {
      const at = Math.floor(y) * stride + Math.floor(x);
      const { colour, ...form } = styles[kinds[row]];
      over(picture, masksOf({ shape: form.shape }, ratio)(x, y, r + GAP * ratio), at, inks.ground, 1);
      over(picture, masksOf(form, ratio)(x, y, r), at, colour, opacity);
      if (level === LEVEL.chosen) over(picture, ring(x, y, r + RING[1] * ratio), at, inks.accent, 1);
    }
  }

  /** @param {Picture} picture @param {number} ratio pixels of the picture to one px of the screen @param {Scene} scene */
  return function paint(picture, ratio, scene) {
    if (stride !== picture.width || sums.length !== 4 * picture.data.length) {
      stride = picture.width;
      sums = new Float32Array(4 * picture.data.length);
      made.clear();
    }
    if (scene.box) fillBox(picture, ratio, scene.box.edges, scene.box.colour);
    const chosen = scene.levels.reduce((sum, level) => sum + Number(level === LEVEL.chosen), 0);
    const few = chosen <= FEW;
    const strength = chosen && (scene.fades || !few) ? FADED : 1;
    if (scene.levels.includes(LEVEL.away)) density(picture, ratio, scene, LEVEL.away, AWAY);
    density(picture, ratio, scene, LEVEL.usual, strength);
    marks(picture, ratio, scene, LEVEL.standing, scene.opacity * strength);
    if (!few) density(picture, ratio, scene, LEVEL.chosen, 1);
    else if (chosen) marks(picture, ratio, scene, LEVEL.chosen, 1);
  };
}

/** Fills a box with one colour. @param {Picture} picture @param {number} ratio @param {number[]} edges @param {Colour} colour */
function fillBox({ data, width, height }, ratio, edges, colour) {
  const [left, top, right, bottom] = edges.map((edge) => Math.round(edge * ratio) + PAD);
  for (let y = Math.max(0, top); y < Math.min(height, bottom); y++)
    if (right > left) data.fill(packed(colour), y * width + left, y * width + Math.min(width, right));
}
