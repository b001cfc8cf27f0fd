// The form that the bot opened: the topmost of at most three.

import { drawBlocks, textOf } from "./blocks.js";
import { h, iconButton, keyed } from "./dom.js";
import { entries, forget } from "./entries.js";
import { waiting } from "./filefield.js";
import { act } from "./server.js";
import { all, app, changed } from "./store.js";

const dialog = h("dialog", { class: "view", "aria-labelledby": "view-title" });
const known = new Set();
let errors = {}; // of the view that is shown, by block
let trouble = "";
let shown = "";
let busy = false;

dialog.addEventListener("cancel", (event) => {
  event.preventDefault();
  close();
});

export function drawModal() {
  if (!dialog.isConnected) document.body.append(dialog);
  const views = all("view").sort((one, other) => one.height - other.height);
  const top = views.at(-1);
  for (const id of [...known].filter((name) => !views.some((view) => view.id === name))) {
    forget(`view/${id}`);
    known.delete(id);
  }
  if (!top) {
    if (dialog.open) dialog.close();
    keyed(dialog, []);
    shown = "";
    return;
  }
  if (shown !== top.id) [errors, trouble, shown] = [{}, "", top.id];
  known.add(top.id);
  keyed(dialog, [{ key: top.id, stamp: [top.hash, errors, trouble], make: () => form(top) }]);
  waits();
  if (!dialog.open) dialog.showModal();
}

function form(view) {
  const { data } = view;
  const place = { name: `view/${view.id}`, blocks: data.blocks, errors, renew: changed, waits };
  const submit =
    data.submit &&
    h("button", { type: "submit", class: "button primary", data: { focus: "submit" } }, textOf(data.submit));
  const made = h(
    "form",
    { novalidate: true, on: { submit: (event) => send(event, view, made) } },
    h(
      "header",
      {},
      h("img", { class: "avatar small", src: "/static/mark.svg", alt: "" }),
      h("h2", { id: "view-title" }, textOf(data.title)),
      iconButton("close", "Close", close, { data: { focus: "close" } }),
    ),
    h(
      "div",
      { class: "body", tabindex: "-1" },
      h("div", { class: "notices", role: "alert" }, trouble && h("p", { class: "notice" }, trouble)),
      drawBlocks(place),
    ),
    h(
      "footer",
      {},
      h("p", { class: "hint", role: "status" }),
      h(
        "button",
        { type: "button", class: "button", data: { focus: "not-now" }, on: { click: close } },
        data.close ? textOf(data.close) : "Cancel",
      ),
      submit,
    ),
  );
  return made;
}

/** Let nothing be submitted while a file is on its way. */
function waits() {
  if (!shown) return;
  const still = waiting(`view/${shown}`);
  dialog.querySelector("button[type=submit]")?.toggleAttribute("disabled", still);
  const words = still ? "A file is still coming …" : `From ${app().app_name}`;
  const status = dialog.querySelector("footer .hint");
  if (status.textContent !== words) status.textContent = words; // what is said again is read out again
}

async function send(event, view, made) {
  event.preventDefault();
  if (busy || waiting(`view/${view.id}`)) return;
  busy = true;
  made.setAttribute("aria-busy", "true");
  const place = `view/${view.id}`;
  const answer = await act("submit", { view: view.id, entries: entries(place, view.data.blocks) });
  busy = false;
  made.removeAttribute("aria-busy");
  if (answer.closed) return;
  errors = answer.errors ?? {};
  trouble = answer.error ? `${app().app_name} didn't take it (${answer.error}). Try again?` : "";
  drawModal();
  requestAnimationFrame(() => firstWrong()?.focus());
}

function firstWrong() {
  return dialog.querySelector("[aria-invalid]") ?? dialog.querySelector(".error")?.parentElement.querySelector("input");
}

function close() {
  if (shown) act("close", { view: shown });
}
