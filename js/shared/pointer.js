/** What drags on a picture have in common. */

/** Where a pointer is in an element, in px from its corner. @param {Element} node @param {MouseEvent} event @returns {[number, number]} */
export function placeIn(node, event) {
  const box = node.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

/** The pointer's moves belong to the element until it is let go, also outside of it. @param {Element} node @param {PointerEvent} event */
export function capture(node, event) {
  try {
    node.setPointerCapture?.(event.pointerId);
  } catch {
    // a pointer that is gone already needs no capture
  }
}
