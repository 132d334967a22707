// Parts of the board that the server sends anew: put in their places, with the focus where it was.

import { say } from "../app.js";

export const board = document.getElementById("board");

/** Returns the card of a deal. */
export const cardOf = (deal) => document.getElementById(`deal-${deal}`);

/** Returns the number of the column that a card stands in. */
export const numberOf = (card) => card?.closest(".column")?.dataset.number;

/** Returns the answer of the server to a request for parts. */
export function ask(address, options = {}) {
  const headers = { "HX-Request": "true", ...JSON.parse(document.body.getAttribute("hx-headers:inherited")) };
  return fetch(address, { ...options, headers, signal: AbortSignal.timeout(20_000) });
}

/** Returns the address of parts, of the board as its own address says. */
export function partsAddress(more) {
  const query = new URLSearchParams(location.search);
  for (const name of ["moved", "left", "at"]) query.delete(name);
  for (const [name, value] of more) query.append(name, value);
  return `/board/parts?${query}`;
}

/** Returns the parts that an answer tells. */
export const parsed = (html) => new DOMParser().parseFromString(html, "text/html").body;

const stagesOf = (root) => [...root.querySelectorAll(".column-head")].map((head) => head.dataset.stage).join("\n");

/** Puts parts in their places, `mine` saying that the visitor moved something. */
export async function put(parts, { mine = null } = {}) {
  if (stagesOf(parts) !== stagesOf(board)) {
    location.reload(); // the stages themselves have changed, and with them tabs and forms
    return;
  }
  const before = places();
  const focus = focused();
  for (const part of [...parts.children].filter((one) => !one.classList.contains("toast"))) {
    const target = document.getElementById(part.id);
    for (const card of part.querySelectorAll(".deal")) dropElsewhere(card.id, target);
    await window.htmx.swap({ text: part.outerHTML, target, swap: "outerMorph" });
  }
  for (const card of board.querySelectorAll("[data-folded] .deal")) card.remove(); // they only passed through
  refocus(focus);
  show(before, mine);
}

/** Takes a card away from wherever else it stands: it stands in one column. */
function dropElsewhere(id, column) {
  for (const card of document.querySelectorAll(`#${CSS.escape(id)}`)) {
    if (!column.contains(card)) card.remove();
  }
}

function places() {
  return new Map([...board.querySelectorAll(".deal")].map((card) => [card.dataset.deal, numberOf(card)]));
}

function focused() {
  const card = document.activeElement?.closest?.(".deal");
  return card && { id: card.id, menu: document.activeElement.matches("[data-menu]") };
}

function refocus(focus) {
  if (!focus || document.activeElement?.closest?.(".deal")) return;
  document.getElementById(focus.id)?.querySelector(focus.menu ? "[data-menu]" : ".deal-title")?.focus({ preventScroll: true });
}

/** Marks cards that have come or moved, and says so where they are few. */
function show(before, mine) {
  const moved = [...board.querySelectorAll(".deal")].filter((card) => {
    const was = before.get(card.dataset.deal);
    return was !== numberOf(card) && card.dataset.deal !== mine;
  });
  for (const tab of document.querySelectorAll("[data-tab]")) {
    const count = document.querySelector(`#column-${tab.dataset.tab} [data-count]`);
    if (count) tab.querySelector("[data-tab-count]").textContent = count.firstChild.textContent;
  }
  if (moved.length > 5 || mine) return;
  for (const card of moved) {
    card.dataset.fresh = "";
    setTimeout(() => delete card.dataset.fresh, 1600);
  }
  const [card] = moved;
  if (card) say(`${card.dataset.title} is now in ${card.closest(".column").dataset.stage}`);
}
