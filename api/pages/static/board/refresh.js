// What changed elsewhere, fetched and shown: one request at a time, none while a hand is on a card or a move is under way.

import { alertPeople } from "../app.js";
import { ask, board, cardOf, numberOf, parsed, partsAddress, put } from "./parts.js";

const MANY = 60; // deals, above which every column is fetched
const deals = new Set();
const columns = new Set();
let everything = false;
let busy = false;
const holds = { hand: 0, move: 0 };
const waiting = []; // for the hand that is on the board to leave it

/** Keeps the board still until the returned function is called: for a hand on it, or for a move under way. */
export function hold(kind = "hand") {
  holds[kind] += 1;
  let held = true;
  return () => {
    if (held) holds[kind] -= 1;
    held = false;
    if (handsOff()) waiting.shift()?.(hold());
    refresh();
  };
}

/** Holds the board as soon as no hand is on it. */
export const turn = () => (handsOff() ? Promise.resolve(hold()) : new Promise((take) => { waiting.push(take); }));

/** Says whether no hand is on the board. */
export const handsOff = () => holds.hand === 0;

/** Says whether nothing but one move keeps the board still. */
export const alone = () => handsOff() && holds.move === 1;

const still = () => holds.hand + holds.move > 0;

/** Notes records that changed; null: everything may have. */
export function note(records) {
  if (records === null || records.some(([kind]) => kind === "pipeline")) everything = true;
  for (const [kind, id] of records ?? []) if (kind === "deal") deals.add(id);
  refresh();
}

/** Fetches columns by their numbers. */
export function fetchColumns(numbers) {
  for (const number of numbers) columns.add(number);
  return refresh();
}

async function refresh() {
  if (busy || still() || !(everything || deals.size || columns.size)) return;
  busy = true;
  const asked = { everything, deals: [...deals], columns: [...columns] };
  deals.clear();
  columns.clear();
  everything = false;
  try {
    const answer = await ask(partsAddress(wanted(asked)));
    if (!answer.ok) throw new Error(String(answer.status));
    const text = await answer.text();
    if (still()) throw new Error("held");
    await put(parsed(text));
    busy = false;
    refresh();
  } catch (cause) {
    for (const deal of asked.deals) deals.add(deal);
    for (const number of asked.columns) if (cause.message === "held") columns.add(number); else failed(number);
    everything ||= asked.everything;
    busy = false;
    if (cause.message === "401") alertPeople("You are signed out. Sign in again to go on.", "warn");
    else if (cause.message !== "held") setTimeout(refresh, 1000);
  }
}

function wanted(asked) {
  const open = [...board.querySelectorAll(".column:not([data-folded])")].map((column) => column.dataset.number);
  if (asked.everything || asked.deals.length > MANY) return open.map((number) => ["columns", number]);
  const numbers = new Set(asked.columns);
  for (const deal of asked.deals) if (numberOf(cardOf(deal))) numbers.add(numberOf(cardOf(deal)));
  return [...asked.deals.map((deal) => ["deals", deal]), ...[...numbers].map((number) => ["columns", number])];
}

/** Shows that a column could not be fetched, with a way to try again. */
function failed(number) {
  const column = document.getElementById(`column-${number}`);
  column.removeAttribute("aria-busy");
  if (column.querySelector(".column-error")) return;
  const error = document.createElement("div");
  error.className = "column-error";
  error.setAttribute("role", "alert");
  const words = document.createElement("p");
  words.textContent = "This column could not be read. The others are fine.";
  const retry = document.createElement("a");
  retry.className = "button";
  retry.href = location.href;
  retry.dataset.retry = number;
  retry.textContent = "Retry";
  error.append(words, retry);
  column.append(error);
}
