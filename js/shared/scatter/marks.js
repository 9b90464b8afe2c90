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
const LARGEST = (PAD / 3) * SIZES;
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

/** Rows, and pixels, that are worked on without a break. */
const AT_ONCE = 4096;

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
  const part = (/** @type {number} */ under, /** @type {number} */ over) =>
    (under + (over - under) * opacity + 0.5) | 0;
  return (
    0xff000000 |
    (part((below >>> 16) & 255, blue) << 16) |
    (part((below >>> 8) & 255, green) << 8) |
    part(below & 255, red)
  );
}

/**
 * Adds a mark of a colour to the sums of its pixels.
 * @param {Float32Array} sums @param {Int32Array} touched the pixels that have some, `count` of them
 * @param {number} count @param {Mask} mask @param {number} at @param {Colour} colour @returns {number} how many have some now
 */
function add(sums, touched, count, { pixels, cover }, at, colour) {
  const red = colour[0];
  const green = colour[1];
  const blue = colour[2];
  for (let i = 0; i < pixels.length; i++) {
    const sum = 4 * (at + pixels[i]);
    const part = cover[i];
    if (sums[sum + 3] === 0) touched[count++] = at + pixels[i];
    sums[sum] += part * red;
    sums[sum + 1] += part * green;
    sums[sum + 2] += part * blue;
    sums[sum + 3] += part;
  }
  return count;
}

/** @param {number} value */
const within = (value) => Math.min(1, Math.max(0, value));

/** Takes all steps of a painting at once. @param {Iterator<void>} steps */
export function finish(steps) {
  while (!steps.next().done);
}

/**
 * Paints scenes, each on the ground of its picture, in steps: where many are painted, others can be served between.
 * A scene that is begun ends the one before.
 */
export function markPainter() {
  /** Sums of red, green, blue and of what covers, for each pixel; and the pixels that have some. */
  let sums = new Float32Array(0);
  let touched = new Int32Array(0);
  /** @type {Map<string, Mask[]>} */
  const made = new Map();
  let stride = 0;
  /** Whether the sums of a scene lie there that has not been finished. */
  let open = false;

  /** The masks of a style by size and phase. @param {Omit<Style, "colour">} style @param {number} ratio */
  function masksOf({ shape = "disc", line = 0, half = false }, ratio) {
    const name = [shape, line * ratio, half].join();
    const kept = made.get(name) ?? [];
    made.set(name, kept);
    /** @param {number} phase @param {number} r @returns {Mask} */
    return (phase, r) => {
      const size = Math.min(LARGEST, Math.round(r * SIZES));
      const key = size * PHASES * PHASES + phase;
      kept[key] ??= maskOf(
        OUTSIDE[shape],
        size / SIZES,
        line * ratio,
        half,
        (phase % PHASES) / PHASES,
        Math.floor(phase / PHASES) / PHASES,
      );
      return kept[key];
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

  /** Calls `visit` with each mark of a level that is in the picture. @param {Picture} picture @param {number} ratio @param {Scene} scene @param {number} level @param {(row: number, at: number, phase: number, r: number) => void} visit with its pixel, its place in that, and its radius in pixels @returns {Generator<void>} */
  function* each(
    { width, height },
    ratio,
    { places, view, kinds, styles, radii, radius, levels },
    level,
    visit,
  ) {
    const edge = PAD >> 1;
    for (let row = 0; row < levels.length; row++) {
      if (row % AT_ONCE === AT_ONCE - 1) yield;
      if (levels[row] !== level || !(kinds[row] >= 0 && kinds[row] < styles.length)) continue;
      const x = (places[2 * row] * view.sx + view.ox) * ratio + PAD;
      const y = (places[2 * row + 1] * view.sy + view.oy) * ratio + PAD;
      if (!(x >= edge && y >= edge && x < width - edge && y < height - edge)) continue;
      const [px, py] = [Math.floor(x), Math.floor(y)];
      const phase = Math.floor((y - py) * PHASES) * PHASES + Math.floor((x - px) * PHASES);
      visit(row, py * stride + px, phase, (radii ? radii[row] : 1) * radius * ratio);
    }
  }

  /** Shows all marks of a level by how many they are. @param {Picture} picture @param {number} ratio @param {Scene} scene @param {number} level @param {number} strength of the whole, to 1 @returns {Generator<void>} */
  function* density(picture, ratio, scene, level, strength) {
    const { kinds, styles, opacity, inks } = scene;
    const masks = styles.map((style) => masksOf(style, ratio));
    let count = 0;
    yield* each(picture, ratio, scene, level, (row, at, phase, r) => {
      const kind = kinds[row];
      count = add(sums, touched, count, masks[kind](phase, r), at, styles[kind].colour);
    });
    yield* lay(picture.data, count, opacity, strength, inks.ink);
  }

  /** Lays the sums over their pixels, and forgets them. @param {Uint32Array} data @param {number} count of pixels that have some @param {number} opacity @param {number} strength @param {Colour} ink @returns {Generator<void>} */
  function* lay(data, count, opacity, strength, ink) {
    let most = FULL;
    for (let i = 0; i < count; i++) most = Math.max(most, sums[4 * touched[i] + 3]);
    const full = Math.log(most);
    const dense = Math.log(DENSE);
    for (let i = 0; i < count; i++) {
      if (i % (8 * AT_ONCE) === 8 * AT_ONCE - 1) yield;
      const at = touched[i];
      const sum = 4 * at;
      const many = sums[sum + 3];
      const log = many > 1 ? Math.log(many) : 0;
      const alpha = many < 1 ? opacity * many : opacity + ((1 - opacity) * log) / full;
      const dark = log > dense ? (DARKEST * (log - dense)) / (full - dense) : 0;
      const light = (1 - dark) / many;
      data[at] = blended(
        data[at],
        sums[sum] * light + ink[0] * dark,
        sums[sum + 1] * light + ink[1] * dark,
        sums[sum + 2] * light + ink[2] * dark,
        alpha * strength,
      );
      sums[sum] = sums[sum + 1] = sums[sum + 2] = sums[sum + 3] = 0;
    }
  }

  /** Lays one colour over the pixels of a mask. @param {Picture} picture @param {Mask} mask @param {number} at @param {Colour} colour @param {number} opacity */
  function over({ data }, { pixels, cover }, at, [red, green, blue], opacity) {
    for (let i = 0; i < pixels.length; i++)
      data[at + pixels[i]] = blended(data[at + pixels[i]], red, green, blue, cover[i] * opacity);
  }

  /** Shows the marks of a level one by one, the smallest on top. @param {Picture} picture @param {number} ratio @param {Scene} scene @param {number} level @param {number} opacity @returns {Generator<void>} */
  function* marks(picture, ratio, scene, level, opacity) {
    const { kinds, styles, inks } = scene;
    const ring = masksOf({ line: RING[1] - RING[0] }, ratio);
    /** @type {[row: number, at: number, phase: number, r: number][]} */
    const found = [];
    yield* each(picture, ratio, scene, level, (...mark) => found.push(mark));
    for (const [row, at, phase, r] of found.sort((a, b) => b[3] - a[3])) {
      const { colour, ...form } = styles[kinds[row]];
      over(picture, masksOf({ shape: form.shape }, ratio)(phase, r + GAP * ratio), at, inks.ground, 1);
      over(picture, masksOf(form, ratio)(phase, r), at, colour, opacity);
      if (level === LEVEL.chosen) over(picture, ring(phase, r + RING[1] * ratio), at, inks.accent, 1);
    }
  }

  /** @param {Picture} picture @param {number} ratio pixels of the picture to one px of the screen @param {Scene} scene @returns {Generator<void>} */
  return function* paint(picture, ratio, scene) {
    if (stride !== picture.width || sums.length !== 4 * picture.data.length) {
      stride = picture.width;
      sums = new Float32Array(4 * picture.data.length);
      touched = new Int32Array(picture.data.length);
      made.clear();
    } else if (open) sums.fill(0);
    open = true;
    picture.data.fill(packed(scene.inks.ground));
    if (scene.box) fillBox(picture, ratio, scene.box.edges, scene.box.colour);
    const chosen = scene.levels.reduce((sum, level) => sum + Number(level === LEVEL.chosen), 0);
    const few = chosen <= FEW;
    const strength = chosen && (scene.fades || !few) ? FADED : 1;
    if (scene.levels.includes(LEVEL.away)) yield* density(picture, ratio, scene, LEVEL.away, AWAY);
    yield* density(picture, ratio, scene, LEVEL.usual, strength);
    yield* marks(picture, ratio, scene, LEVEL.standing, scene.opacity * strength);
    if (!few) yield* density(picture, ratio, scene, LEVEL.chosen, 1);
    else if (chosen) yield* marks(picture, ratio, scene, LEVEL.chosen, 1);
    open = false;
  };
}

/** Fills a box with one colour. @param {Picture} picture @param {number} ratio @param {number[]} edges @param {Colour} colour */
function fillBox({ data, width, height }, ratio, edges, colour) {
  const [left, top, right, bottom] = edges.map((edge) => Math.round(edge * ratio) + PAD);
  for (let y = Math.max(0, top); y < Math.min(height, bottom); y++)
    if (right > left) data.fill(packed(colour), y * width + left, y * width + Math.min(width, right));
}
