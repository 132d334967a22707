// Moving a deal: pending until the server has said yes; what is missing is asked for, a no puts the card back.

import { alertPeople, say } from "../app.js";
import { ask, board, cardOf, numberOf, parsed, put } from "./parts.js";
import { alone, fetchColumns, handsOff, hold, note, turn } from "./refresh.js";

const UNDO = 10_000; // ms
const dialog = document.getElementById("board-dialog");
let settle = null; // what to do when the open dialog is closed without an answer

/** Returns where a card stands, so that it can be put back. */
export const placeOf = (card) => ({ list: card.parentElement, next: card.nextElementSibling });

/** Moves a deal to a stage. `from` is where its card stood; the card may be in its new column already. */
export function move(card, stage, from = placeOf(card)) {
  const column = [...board.querySelectorAll(".column")].find((one) => one.dataset.stage === stage);
  const form = new FormData();
  form.set("stage", stage);
  form.set("seen", card.dataset.seen);
  if (column && !column.contains(card)) column.querySelector("[data-cards]").prepend(card);
  return send(card.dataset.deal, form, { card, from, number: from.list.closest(".column").dataset.number });
}

/** Sends a move and shows what came of it. */
async function send(deal, form, going) {
  const release = hold("move");
  const card = cardOf(deal);
  card?.setAttribute("aria-busy", "true");
  if (!form.has("once")) form.set("once", crypto.randomUUID());
  const query = new URLSearchParams(location.search);
  for (const name of ["moved", "left", "at"]) query.delete(name);
  for (const number of new Set([going.number, numberOf(card)])) if (number) query.append("columns", number);
  try {
    const answer = await ask(`/board/deals/${deal}/move?${query}`, { method: "POST", body: new URLSearchParams(form) });
    await settled(answer, await answer.text(), deal, going);
  } catch {
    putBack(going);
    alertPeople("The server cannot be reached, so it is not certain whether the move was recorded. The board will show it.", "warn");
    note([["deal", deal]]);
  } finally {
    cardOf(deal)?.removeAttribute("aria-busy");
    release();
  }
}

async function settled(answer, html, deal, going) {
  if (answer.status === 202) {
    say("Recorded. The board is behind and will show it soon.");
    alertPeople("Recorded. The board is behind and will show it soon.", "info");
  } else if (answer.ok) {
    const parts = parsed(html);
    const toast = parts.querySelector(".toast");
    document.getElementById("alerts").replaceChildren(); // what was said of an earlier move is past
    if (toast) celebrate(document.importNode(toast, true));
    if (alone()) {
      await put(parts, { mine: deal });
      focusOn(deal, toast?.dataset.column);
    } else {
      fetchColumns(going.number ? [going.number] : []); // once no other move or hand is on the board
      note([["deal", deal]]);
    }
  } else if (html.includes("data-asks") || html.includes("data-conflict")) {
    if (answer.status === 409) putBack(going);
    await open(html, going);
  } else {
    putBack(going);
    document.getElementById("alerts").innerHTML = html;
    going.card?.querySelector(".deal-title").focus({ preventScroll: true });
  }
}

/** Leads to a deal's card, or to its column where the card is not among those shown. */
function focusOn(deal, column) {
  const place = cardOf(deal)?.querySelector(".deal-title") ?? document.getElementById(`${column}-name`);
  place?.focus({ preventScroll: true });
}

function putBack({ card, from }) {
  if (!card || !from) return;
  const other = cardOf(card.dataset.deal);
  if (other !== card) other?.remove(); // it was exchanged meanwhile
  from.list.insertBefore(card, from.next?.parentElement === from.list ? from.next : null);
  card.removeAttribute("aria-busy");
  if (handsOff()) card.querySelector(".deal-title").focus({ preventScroll: true });
}

/** Asks where a deal should go. */
export async function askWhere(card) {
  try {
    const answer = await ask(card.querySelector("[data-menu]").href);
    const html = await answer.text();
    if (answer.ok) await open(html, { card, from: placeOf(card), number: numberOf(card) });
    else document.getElementById("alerts").innerHTML = html;
  } catch {
    alertPeople("The server cannot be reached. Try again in a moment.", "warn");
  }
}

/** Asks in the dialog, once no other hand is on the board. */
async function open(html, going) {
  const release = await turn();
  const deal = going.card?.dataset.deal;
  dialog.innerHTML = html;
  settle = () => {
    release();
    putBack(going);
    if (deal) note([["deal", deal]]);
  };
  dialog.onsubmit = (event) => {
    event.preventDefault();
    settle = release;
    const form = new FormData(event.target, event.submitter);
    const stage = form.get("stage");
    dialog.close();
    const column = [...board.querySelectorAll(".column")].find((one) => one.dataset.stage === stage);
    if (going.card?.isConnected && column && !column.contains(going.card)) column.querySelector("[data-cards]").prepend(going.card);
    send(event.target.dataset.move, form, going);
  };
  dialog.showModal();
}

dialog.addEventListener("close", () => {
  settle?.();
  settle = null;
  dialog.replaceChildren();
});

/** Says what was moved, with a way back for a while. */
function celebrate(toast) {
  document.getElementById("board-toast")?.remove();
  board.after(toast);
  if (toast.dataset.say) say(toast.dataset.say);
  let timer = setTimeout(() => toast.remove(), UNDO);
  toast.addEventListener("focusin", () => clearTimeout(timer));
  toast.addEventListener("focusout", () => { timer = setTimeout(() => toast.remove(), UNDO); });
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.closest(".toast")) return;
  event.preventDefault();
  const card = cardOf(form.dataset.move);
  form.closest(".toast").remove();
  send(form.dataset.move, new FormData(form), card ? { card, from: placeOf(card), number: numberOf(card) } : {});
});
