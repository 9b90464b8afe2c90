/**
 * A page of its own: the window over a `.semlens` file that the page holds, with no server and no network, or over one
 * that lies in parts beside the page, in a site.
 */

import { components } from "../offline/answers.js";
import { openLensFile } from "../offline/file.js";
import { mountFile } from "../offline/window.js";
import "./page.css";
import { partReader, stripPictures } from "./site.js";

/** The bytes of the file. @param {string} base64 */
export function decoded(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at);
  return bytes.buffer;
}

/** @param {ArrayBuffer} bytes @param {HTMLElement} node */
export async function showHeld(bytes, node) {
  const file = await openLensFile(async (begin, end) => bytes.slice(begin, end), bytes.byteLength);
  return mountFile(file, node, { addressed: true });
}

/** @param {import("./site.js").Index} index @param {HTMLElement} node */
export async function showSite(index, node) {
  const file = await openLensFile(partReader(index), index.size);
  const pictures = stripPictures(index, components(file.document.components));
  node.replaceChildren();
  return mountFile(file, node, { addressed: true, pictures });
}

/**
 * Light or dark as the reader's system or the page around asks for, now and whenever that changes. Told as JupyterLab
 * tells it. @param {HTMLElement} root @param {MediaQueryList} dark
 */
export function followScheme(root, dark) {
  const follow = () => root.setAttribute("data-jp-theme-light", String(!dark.matches));
  follow();
  dark.addEventListener("change", follow);
}

const held = document.getElementById("semlens-file");
const site = document.getElementById("semlens-site");
const place = document.getElementById("semlens-window");
if ((held || site) && place) {
  followScheme(document.documentElement, matchMedia("(prefers-color-scheme: dark)"));
  const shown = held
    ? showHeld(decoded(held.textContent?.trim() ?? ""), place)
    : showSite(JSON.parse(site?.textContent ?? ""), place);
  shown.catch((error) => {
    place.textContent = `This page cannot be shown: ${error.message}`;
  });
}
