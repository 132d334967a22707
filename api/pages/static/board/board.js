// The board: complete without this; with it, alive.

import { live } from "../freshness.js";
import { board } from "./parts.js";
import { fetchColumns, note } from "./refresh.js";
import { askWhere } from "./moves.js";
import { makeDraggable } from "./drag.js";
import "./ageing.js";
import "./keys.js";

live(note);

if ("writable" in board.dataset) {
  makeDraggable();
  board.dataset.live = "";
  new MutationObserver(makeDraggable).observe(board, { childList: true, subtree: true });
}

document.addEventListener("click", async (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  const menu = event.target.closest("[data-menu]");
  const more = event.target.closest("[data-more], [data-retry]");
  if (menu) {
    event.preventDefault();
    askWhere(menu.closest(".deal"));
  } else if (more) {
    event.preventDefault();
    const column = more.closest(".column");
    const shown = column.querySelectorAll(".deal").length;
    const name = column.dataset.number;
    if (more.dataset.more) history.replaceState(null, "", more.getAttribute("href"));
    column.setAttribute("aria-busy", "true");
    await fetchColumns([name]);
    document.querySelectorAll(`#column-${name} .deal-title`)[shown]?.focus();
  }
});

document.querySelector("[data-filters]").addEventListener("change", (event) => {
  if (event.target.matches("select")) event.currentTarget.requestSubmit();
});
document.querySelector("[data-filters]").addEventListener("formdata", ({ formData }) => {
  for (const [name, value] of [...formData]) if (value === "") formData.delete(name);
});

const tabs = new Map([...document.querySelectorAll("[data-tab]")].map((tab) => [`column-${tab.dataset.tab}`, tab]));
const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const tab = tabs.get(target.id);
    if (isIntersecting) tab?.setAttribute("aria-current", "true"); else tab?.removeAttribute("aria-current");
  }
}, { root: board, threshold: 0.6 });
for (const column of board.querySelectorAll(".column")) seen.observe(column);
