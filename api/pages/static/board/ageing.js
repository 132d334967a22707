// Why a card has the age it has: told beside its chip, while the pointer or the focus is on it.

import { say } from "../app.js";
import { ask, board } from "./parts.js";

const PAUSE = 200; // ms that a pointer rests on a chip before it is told, or is away before it is not
const EDGE = 8; // px kept free at the edges of the screen
const tip = document.getElementById("card-age");
let chip = null;
let timer = null;

function later(what) {
  clearTimeout(timer);
  timer = setTimeout(what, PAUSE);
}

async function tell(target) {
  if (chip === target) return;
  hide();
  chip = target;
  try {
    const answer = await ask(target.dataset.age);
    if (!answer.ok || chip !== target) return;
    tip.innerHTML = await answer.text();
  } catch {
    return; // the page of the deal says it, too
  }
  if (chip !== target || !target.isConnected) return;
  tip.showPopover();
  const { left, top, bottom } = target.getBoundingClientRect();
  tip.style.left = `${Math.max(EDGE, Math.min(left, innerWidth - tip.offsetWidth - EDGE))}px`;
  tip.style.top = `${bottom + tip.offsetHeight + EDGE > innerHeight ? top - tip.offsetHeight - 4 : bottom + 4}px`;
  target.setAttribute("aria-describedby", "card-age");
  if (target === document.activeElement) say(tip.innerText);
}

function hide() {
  clearTimeout(timer);
  chip?.removeAttribute("aria-describedby");
  chip = null;
  tip.hidePopover();
}

board.addEventListener("focusin", ({ target }) => {
  if (target.matches("[data-age]")) tell(target); else hide();
});
board.addEventListener("focusout", hide);
document.addEventListener("mouseover", ({ target }) => {
  const over = target.closest?.("[data-age]");
  if (over) later(() => tell(over));
  else if (chip && tip.contains(target)) clearTimeout(timer);
  else if (chip !== document.activeElement) later(hide);
});
document.addEventListener("scroll", hide, { capture: true, passive: true });
document.addEventListener("keydown", ({ key }) => { if (key === "Escape") hide(); });
