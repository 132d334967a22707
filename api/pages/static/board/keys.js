// Moving by keyboard: M lifts the card, arrows choose a stage, Enter drops it, a number picks one, Escape cancels.

import { say } from "../app.js";
import { board } from "./parts.js";
import { hold } from "./refresh.js";
import { move } from "./moves.js";

const box = document.getElementById("move-mode");
let lifted = null;

const columns = () => [...board.querySelectorAll(".column")];

function lift(card) {
  const all = columns();
  lifted = { card, release: hold(), at: all.findIndex((column) => column.contains(card)) };
  card.dataset.lifted = "";
  point();
}

function point() {
  const all = columns();
  const stage = all[lifted.at].dataset.stage;
  for (const column of all) column.toggleAttribute("data-target", column === all[lifted.at]);
  all[lifted.at].scrollIntoView({ inline: "nearest", block: "nearest" });
  box.hidden = false;
  box.textContent = `Move “${lifted.card.dataset.title}” to ${stage}: ← → choose, Enter drops, 1–${all.length} picks, Esc cancels`;
  say(`Move to ${stage}? Arrows choose another stage, Enter drops, Escape cancels.`);
}

function drop(stage) {
  const { card, release } = lifted;
  const moves = stage !== null && card.closest(".column").dataset.stage !== stage;
  delete card.dataset.lifted;
  for (const column of columns()) column.removeAttribute("data-target");
  box.hidden = true;
  lifted = null;
  if (moves) move(card, stage); else say("Not moved.");
  release();
}

for (const leaves of ["pointerdown", "focusin"]) {
  document.addEventListener(leaves, ({ target }) => { if (lifted && !lifted.card.contains(target)) drop(null); });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const card = document.activeElement?.closest?.(".deal");
  if (!lifted) {
    if (event.key.toLowerCase() !== "m" || !card || !("writable" in board.dataset)) return;
    event.preventDefault();
    lift(card);
    return;
  }
  const all = columns();
  if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
    lifted.at = (lifted.at + (event.key === "ArrowRight" ? 1 : all.length - 1)) % all.length;
    point();
  } else if (event.key === "Enter") drop(all[lifted.at].dataset.stage);
  else if (all[Number(event.key) - 1]) drop(all[Number(event.key) - 1].dataset.stage);
  else if (event.key === "Escape" || event.key === "Tab") drop(null);
  else return;
  event.preventDefault();
});
