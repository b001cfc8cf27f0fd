// What the page knows of the workspace, and where in it the person is.

const kinds = new Map();
const listeners = [];
let due = false;
let pressed = false;

/** Where the person is: their own place in the page, nothing of the workspace. */
export const here = {
  me: "",
  channel: "",
  thread: "",
  home: false,
  panel: true,
  away: false, // the panel made way for a thread, and comes back after it
  sidebar: false,
  connected: true,
};

function kindOf(key) {
  const slash = key.indexOf("/");
  const kind = slash < 0 ? key : key.slice(0, slash);
  if (!kinds.has(kind)) kinds.set(kind, new Map());
  return kinds.get(kind);
}

export function get(key) {
  return kindOf(key).get(key);
}

/** Everything of one kind, in the order in which it came. */
export function all(kind) {
  return [...kindOf(kind).values()];
}

export function app() {
  return get("app");
}

export function user(id) {
  return get(`user/${id}`) ?? { id, name: id, real: id, bot: false };
}

export function channel(id) {
  return get(`channel/${id}`);
}

/** What a conversation is called, for the person who reads it. */
export function channelName(place) {
  return place.kind === "im" ? user(app().bot).real : `#${place.name}`;
}

/** Messages and private answers of a conversation, oldest first. */
export function messagesOf(id) {
  const found = [...all("message"), ...all("whisper")].filter((message) => message.channel === id);
  return found.sort((one, other) => (one.ts < other.ts ? -1 : 1));
}

export function take({ set, gone }, { fresh }) {
  if (fresh) kinds.clear();
  for (const key of gone) kindOf(key).delete(key);
  for (const [key, value] of Object.entries(set)) kindOf(key).set(key, value);
  changed();
}

/** Call `listener` before the next frame after anything changed. */
export function listen(listener) {
  listeners.push(listener);
}

export function changed() {
  if (due) return;
  due = true;
  requestAnimationFrame(draw);
}

function draw() {
  if (pressed) return; // until the pointer is up
  due = false;
  if (app()) for (const listener of listeners) listener();
}

// A button that is replaced between the press and the release would never be clicked.
const LONGEST_PRESS = 1000; // milliseconds; a list that drops down may swallow the release

function release() {
  pressed = false;
  if (due) setTimeout(() => requestAnimationFrame(draw), 0);
}

addEventListener(
  "pointerdown",
  () => {
    pressed = true;
    setTimeout(release, LONGEST_PRESS);
  },
  true,
);
for (const event of ["pointerup", "pointercancel"]) addEventListener(event, release, true);

/** Where thread and panel have room beside each other (layout.css). */
const wide = matchMedia("(min-width: 84rem)");

/** Show the panel or hide it: so it stays, whatever it made way for. */
export function showPanel(panel) {
  Object.assign(here, { panel, away: false });
  changed();
}

/** Go somewhere in the workspace; the address remembers it. */
export function go(place) {
  if (place.thread && here.panel && !wide.matches) [here.panel, here.away] = [false, true];
  if (place.thread === "" && here.away) [here.panel, here.away] = [true, false];
  Object.assign(here, { home: false, sidebar: false }, place);
  const parts = [here.me, here.channel, here.thread].filter(Boolean);
  history.replaceState(null, "", `#${parts.join("/")}`);
  changed();
}
