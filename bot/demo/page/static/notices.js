// What went wrong, said once, where the person looks.

import { h, iconButton } from "./dom.js";

const SECONDS = 15;

/** Say something in a box that goes away by itself; in the open form if there is one, for all else is out of reach. */
export function notice(text, { code = "" } = {}) {
  const place = document.querySelector("dialog[open] .notices") ?? document.getElementById("notices");
  const box = h("div", { class: "notice" }, h("p", {}, text, code && [" ", h("code", {}, code)]));
  box.append(iconButton("close", "Dismiss", () => box.remove()));
  place.append(box);
  while (place.childElementCount > 4) place.firstChild.remove();
  setTimeout(() => box.remove(), SECONDS * 1000);
}

const MEANS = {
  dispatch_failed: "Slack could not reach the bot.",
  operation_timeout: "The bot did not answer in time.",
  http_service_error: "The bot answered with an error.",
};

/** Say what Slack shows when the bot did not take what a person did. */
export function mishap({ action, error }) {
  const what = action.startsWith("/") ? `${action} failed.` : "That didn't work.";
  notice(`${what} ${MEANS[error] ?? "Slack refused what the bot answered."}`, { code: error });
}
