// The live feed as the server tells it: comes back by itself, from where it was.

const SILENCE = 12_000; // ms without a sign of life after which a connection counts as lost
const PAUSES = [300, 1000, 2000, 4000];

/** Follows /live from a position on and tells `changed`, `state` messages; `last` is where to go on from. */
export class Stream {
  #source = null;
  #failures = 0;
  #timer = null;

  constructor(position, tell) {
    this.last = position;
    this.state = { kind: "state", live: false, position, behind: 0, since: Date.now() };
    this.#tell = tell;
  }

  #tell;

  open() {
    if (this.#source) return;
    const source = new EventSource(`/live?after=${this.last}`);
    this.#source = source;
    source.addEventListener("changed", (event) => {
      this.#alive(event);
      this.#tell({ kind: "changed", ...JSON.parse(event.data) });
    });
    source.addEventListener("beat", (event) => {
      this.#alive(event);
      this.#say({ live: true, ...JSON.parse(event.data) });
    });
    source.addEventListener("ended", (event) => {
      const { why } = JSON.parse(event.data);
      this.#say({ live: false, why });
      if (why === "signed-out") this.close();
    });
    source.addEventListener("error", () => {
      if (source !== this.#source) return;
      this.#say({ live: false });
      if (source.readyState === EventSource.CLOSED) this.#again();
    });
    this.#watch();
  }

  close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #alive(event) {
    this.#failures = 0;
    const told = Number(event.lastEventId);
    if (told > this.last) this.last = told;
    this.#watch();
  }

  #watch() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#again(), SILENCE);
  }

  #again() {
    this.close();
    this.#say({ live: false });
    const pause = PAUSES[Math.min(this.#failures, PAUSES.length - 1)];
    this.#failures += 1;
    this.#timer = setTimeout(() => this.open(), pause);
  }

  #say(state) {
    if (this.state.live && !state.live) this.state.since = Date.now();
    this.state = { ...this.state, why: undefined, ...state };
    this.#tell(this.state);
  }
}
