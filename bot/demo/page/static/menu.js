// A menu beside a button, by mouse and by keyboard.

import { h } from "./dom.js";

let open = null;

/** Open a menu of `{label, hint, choose}` beside a button; it goes away with a choice, Escape or a click elsewhere. */
export function openMenu(button, items) {
  closeMenu();
  const choose = (item) => () => {
    closeMenu();
    button.focus();
    item.choose();
  };
  const one = (item) =>
    h(
      "button",
      { type: "button", role: "menuitem", tabindex: "-1", on: { click: choose(item) } },
      h("span", {}, item.label),
      item.hint && h("span", { class: "hint" }, item.hint),
    );
  const menu = h(
    "div",
    { class: "menu", role: "menu", "aria-label": button.getAttribute("aria-label") ?? "Menu" },
    items.map(one),
  );
  menu.addEventListener("keydown", (event) => steer(event, menu, button));
  (button.closest("dialog") ?? document.body).append(menu);
  position(menu, button);
  button.setAttribute("aria-expanded", "true");
  open = { menu, button };
  menu.firstChild?.focus();
  setTimeout(() => document.addEventListener("click", outside), 0);
}

function outside(event) {
  if (!open?.menu.contains(event.target)) closeMenu();
}

export function closeMenu() {
  document.removeEventListener("click", outside);
  open?.menu.remove();
  open?.button.removeAttribute("aria-expanded");
  open = null;
}

function steer(event, menu, button) {
  const items = [...menu.children];
  const at = items.indexOf(document.activeElement);
  const steps = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 };
  if (event.key in steps) {
    event.preventDefault();
    items.at(steps[event.key] % items.length).focus();
  } else if (event.key === "Escape" || event.key === "Tab") {
    event.stopPropagation();
    closeMenu();
    button.focus();
  }
}

function position(menu, button) {
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const top = at.bottom + height > innerHeight ? Math.max(8, at.top - height - 4) : at.bottom + 4;
  menu.style.top = `${top}px`;
  menu.style.left = `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`;
}
