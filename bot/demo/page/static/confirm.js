// The question that an element asks before it is used.

import { textOf } from "./blocks.js";
import { h } from "./dom.js";

/** Ask; true if the person confirms. */
export function confirmed(question) {
  return new Promise((resolve) => {
    const answer = (yes) => () => {
      dialog.close();
      dialog.remove();
      resolve(yes);
    };
    const dialog = h(
      "dialog",
      { class: "confirm", "aria-labelledby": "confirm-title" },
      h("h2", { id: "confirm-title" }, textOf(question.title)),
      h("p", {}, textOf(question.text)),
      h(
        "div",
        { class: "ends" },
        h("button", { type: "button", class: "button", on: { click: answer(false) } }, textOf(question.deny)),
        h(
          "button",
          { type: "button", class: `button ${question.style ?? "primary"}`, on: { click: answer(true) } },
          textOf(question.confirm),
        ),
      ),
    );
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      answer(false)();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
