// A file that is chosen and not yet sent.

import { h, icon, iconButton } from "./dom.js";
import { sizeOf } from "./media.js";

export function chip({ name, size }, remove) {
  return h(
    "li",
    { class: "chip" },
    icon("file"),
    h("span", {}, name),
    h("span", { class: "hint" }, sizeOf(size)),
    iconButton("close", `Remove ${name}`, remove),
  );
}
