// Making and renewing elements.

/** Make an element. `on` holds listeners, `data` data attributes; null and false leave an attribute out. */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name === "value" || name === "checked" || name === "selected") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const SHAPES = {
  close: "M6 6l12 12M18 6L6 18",
  send: "M4 12l16-8-6 16-3-6z",
  attach: "M20 11l-8.5 8.5a5 5 0 01-7-7L13 4a3.4 3.4 0 015 5l-8.4 8.4a1.8 1.8 0 01-2.6-2.6L14.5 7.3",
  bolt: "M13 3L5 14h6l-1 7 8-11h-6z",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  reply: "M4 6h16v10H10l-5 4v-4H4z",
  menu: "M4 7h16M4 12h16M4 17h16",
  stage: "M3 4h18v13H3zM8 21h8M12 17v4",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  back: "M15 5l-7 7 7 7",
  sun: "M12 8a4 4 0 100 8 4 4 0 000-8zM12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M5 19l2-2M17 7l2-2",
};

/** One of our own line drawings; decoration only, what it means is said in words beside it. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", SHAPES[name]);
  svg.append(path);
  return svg;
}

/** A button that shows only an icon and says in words what it does. */
export function iconButton(name, label, press, props = {}) {
  return h(
    "button",
    { type: "button", class: "icon-button", "aria-label": label, title: label, on: { click: press }, ...props },
    icon(name),
  );
}

/**
 * Let a parent hold these parts in this order: `{key, stamp, make}`. A part is made again only when its stamp
 * changed, so that a playing video, an open menu or the focus survives everything that happens around it.
 */
export function keyed(parent, parts) {
  const known = parent.parts ?? new Map();
  const kept = new Map();
  for (const { key, stamp, make } of parts) {
    const old = known.get(key);
    known.delete(key);
    kept.set(key, old && same(old.stamp, stamp) ? old : { node: renewed(old?.node, make), stamp });
  }
  for (const { node } of known.values()) node.remove();
  parent.parts = kept;
  let at = parent.firstChild;
  for (const { node } of kept.values()) {
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
}

function renewed(old, make) {
  const node = make(old);
  if (old && old !== node && old.isConnected) swap(old, node);
  return node;
}

function same(one, other) {
  return one.length === other.length && one.every((value, index) => value === other[index]);
}

/** Replace an element and keep the focus where it was, as far as it still exists. */
export function swap(old, node) {
  const active = old.contains(document.activeElement) ? document.activeElement : null;
  const name = active?.dataset.focus;
  const cursor = active && "selectionStart" in active ? [active.selectionStart, active.selectionEnd] : null;
  old.replaceWith(node);
  if (!active) return;
  const again = name && node.querySelector(`[data-focus="${CSS.escape(name)}"]`);
  const target = again || node.closest("[tabindex]") || node.querySelector("button, input, [tabindex]");
  target?.focus({ preventScroll: true });
  if (again && cursor?.[0] !== null && cursor) {
    try {
      again.setSelectionRange(...cursor);
    } catch {
      // Not every kind of input has a cursor.
    }
  }
}

/** Read out a sentence. */
export function announce(text) {
  const place = document.getElementById("announcer");
  place.append(h("p", {}, text));
  while (place.childElementCount > 3) place.firstChild.remove();
}
