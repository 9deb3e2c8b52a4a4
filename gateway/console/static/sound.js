// The horn: sounds while alarms wait for an answer, by priority. Silence is for those that sound now; a mute has
// an end, and a new urgent alarm ends it. Browsers allow sound only after a click or a key.

const EVERY_MS = { 1: 2000, 2: 5000, 3: 20000 };
const TONES = {
  1: [[988, 0, 0.18], [740, 0.2, 0.18], [988, 0.4, 0.18], [740, 0.6, 0.18]],
  2: [[740, 0, 0.2], [740, 0.3, 0.2]],
  3: [[587, 0, 0.25]],
  4: [[440, 0, 0.15]],
};
const STEP_MS = 500;
const KEY = "riskgate-sound";

export class Horn {
  /** shown(state): told when it changes: {on, blocked, mutedUntil, silenced}; now(): ms. */
  constructor(shown, now) {
    this.shown = shown;
    this.now = now;
    this.context = null;
    this.waiting = new Map();
    this.quiet = new Set();
    this.lastMs = 0;
    this.told = "";
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    this.on = kept.on !== false;
    this.mutedUntil = kept.mutedUntil ?? 0;
    for (const name of ["pointerdown", "keydown"]) {
      addEventListener(name, () => this.#wake(), { capture: true });
    }
    setInterval(() => this.#look(), STEP_MS);
  }

  /** The alarms that wait now, all of them; those that were there at the beginning sound too. */
  all(rows) {
    this.waiting.clear();
    for (const row of rows) this.#note(row);
    this.#look();
  }

  /** One alarm changed. */
  change(row) {
    const name = `${row.alarm} ${row.occurrence}`;
    const fresh = !this.waiting.has(row.alarm) && !this.quiet.has(name);
    this.waiting.delete(row.alarm);
    this.#note(row);
    if (!row.unanswered || !fresh) return;
    if (row.priority === 1 && this.mutedUntil) this.mute(0);
    if (row.priority === 4) this.#sound(4);
    this.lastMs = 0;
    this.#look();
  }

  /** No sound for what sounds now; whatever comes next sounds again. */
  silence() {
    for (const [alarm, row] of this.waiting) this.quiet.add(`${alarm} ${row.occurrence}`);
    this.#look();
  }

  /** No sound until then (ms); 0: from now on again. */
  mute(untilMs) {
    this.mutedUntil = untilMs;
    this.#keep();
    this.#look();
  }

  toggle() {
    this.on = !this.on;
    this.#keep();
    if (this.on) this.#wake();
    this.#look();
  }

  #note(row) {
    if (row.open && row.unanswered) this.waiting.set(row.alarm, row);
  }

  #keep() {
    localStorage.setItem(KEY, JSON.stringify({ on: this.on, mutedUntil: this.mutedUntil }));
  }

  #wake() {
    this.context ??= new AudioContext();
    if (this.context.state === "suspended") this.context.resume().then(() => this.#look());
  }

  #look() {
    const now = this.now();
    if (this.mutedUntil && this.mutedUntil <= now) this.mutedUntil = 0;
    const loud = [...this.waiting.values()].filter((row) => !this.quiet.has(`${row.alarm} ${row.occurrence}`));
    const most = loud.reduce((least, row) => Math.min(least, row.priority), 9);
    const blocked = this.on && (this.context === null || this.context.state !== "running");
    const sounding = this.on && !blocked && !this.mutedUntil && most in EVERY_MS;
    if (sounding && now - this.lastMs >= EVERY_MS[most]) {
      this.lastMs = now;
      this.#sound(most);
    }
    const state = { on: this.on, blocked, mutedUntil: this.mutedUntil, sounding: sounding ? most : 0 };
    const told = JSON.stringify(state);
    if (told !== this.told) {
      this.told = told;
      this.shown(state);
    }
  }

  #sound(priority) {
    if (!this.on || this.mutedUntil || this.context?.state !== "running") return;
    for (const [pitch, after, length] of TONES[priority]) {
      const begin = this.context.currentTime + after;
      const tone = this.context.createOscillator();
      const loudness = this.context.createGain();
      tone.type = priority === 1 ? "square" : "sine";
      tone.frequency.value = pitch;
      loudness.gain.setValueAtTime(0, begin);
      loudness.gain.linearRampToValueAtTime(priority === 1 ? 0.12 : 0.2, begin + 0.01);
      loudness.gain.setValueAtTime(priority === 1 ? 0.12 : 0.2, begin + length - 0.02);
      loudness.gain.linearRampToValueAtTime(0, begin + length);
      tone.connect(loudness).connect(this.context.destination);
      tone.start(begin);
      tone.stop(begin + length);
    }
  }
}
