// Cards by pointer, and by touch after a moment, on their handles.

import { board } from "./parts.js";
import { hold } from "./refresh.js";
import { move } from "./moves.js";

let release = null;

/** Makes the cards of every column draggable; again for columns that were exchanged. */
export function makeDraggable() {
  for (const list of board.querySelectorAll("[data-cards]")) {
    if (window.Sortable.get(list)) continue;
    window.Sortable.create(list, {
      group: "board",
      sort: false,
      handle: ".deal-handle",
      draggable: ".deal",
      ghostClass: "deal-ghost",
      forceFallback: true,
      fallbackOnBody: true,
      fallbackTolerance: 4,
      delay: 200,
      delayOnTouchOnly: true,
      touchStartThreshold: 6,
      animation: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 120,
      onChoose: () => { release = hold(); },
      onUnchoose: () => { release?.(); },
      onEnd: ({ item, from, to, oldDraggableIndex }) => {
        const stage = to.closest(".column").dataset.stage;
        if (from !== to) move(item, stage, { list: from, next: from.querySelectorAll(".deal")[oldDraggableIndex] ?? null });
      },
    });
  }
}
