// Draws only the rows of a long table that can be seen; the chosen row stays the same alarm while others come.

const BEYOND = 8;

export class Window {
  /** scroll: what scrolls; body: the rows' parent; line(row): the element of a row, made anew when it changed;
   *  chosen(row): told when another row is chosen, null for none. */
  constructor(scroll, body, line, chosen) {
    this.scroll = scroll;
    this.body = body;
    this.line = line;
    this.chosen = chosen;
    this.rows = [];
    this.alarm = null;
    this.place = 0;
    this.marked = new Set();
    this.lines = new Map();
    this.drawn = [];
    this.first = 0;
    this.anchors = [];
    this.anchorPlace = 0;
    this.height = 50;
    this.waiting = 0;
    this.number = 0;
    /** Rows moved under a pointer that rests: its next click may mean another row. */
    this.moved = false;
    scroll.addEventListener("scroll", () => this.#later(), { passive: true });
    scroll.addEventListener("pointermove", () => {
      this.moved = false;
    });
    new ResizeObserver(() => this.#measure()).observe(scroll);
    this.#measure();
  }

  /** Show these rows; the same array may come again, changed. */
  show(rows) {
    const top = this.#top();
    this.rows = rows;
    this.anchors = this.scroll.scrollTop > 2 ? this.drawn.slice(Math.max(0, top - this.first)) : [];
    this.anchorPlace = top;
    this.#later();
  }

  /** Where an alarm stands now. */
  indexOf(alarm) {
    return this.rows.findIndex((row) => row.alarm === alarm);
  }

  get row() {
    return this.rows.find((row) => row.alarm === this.alarm) ?? null;
  }

  /** Choose the row at a place, and bring it into view. */
  choose(place, { view = true } = {}) {
    if (this.rows.length === 0) {
      this.#chosen(null);
      return;
    }
    const at = Math.min(this.rows.length - 1, Math.max(0, place));
    this.place = at;
    if (view) this.#into(at);
    this.#chosen(this.rows[at]);
  }

  /** Choose none. */
  leave() {
    this.#chosen(null);
  }

  /** Choose the row so many places below. */
  step(by) {
    const at = this.alarm === null ? -1 : this.indexOf(this.alarm);
    if (this.alarm === null) this.choose(by > 0 ? this.#top() : this.rows.length - 1);
    else this.choose((at < 0 ? Math.max(0, this.place - 1) : at) + by);
  }

  /** How many rows fit. */
  get page() {
    return Math.max(1, Math.floor(this.#room() / this.height) - 1);
  }

  /** Rows that can be read now, none of them half. */
  seen() {
    const from = Math.ceil(this.scroll.scrollTop / this.height);
    return this.rows.slice(from, from + Math.floor(this.#room() / this.height));
  }

  mark(alarm, on = !this.marked.has(alarm)) {
    if (on) this.marked.add(alarm);
    else this.marked.delete(alarm);
    this.redraw(alarm);
  }

  /** Draw a row anew (all, if none is named). */
  redraw(alarm) {
    if (alarm === undefined) this.lines.clear();
    else this.lines.delete(alarm);
    this.#later();
  }

  #head() {
    return this.body.parentElement.tHead?.offsetHeight ?? 0;
  }

  #room() {
    return this.scroll.clientHeight - this.#head();
  }

  #top() {
    return Math.floor(this.scroll.scrollTop / this.height);
  }

  #measure() {
    this.height = Number.parseFloat(getComputedStyle(this.scroll).getPropertyValue("--row")) || 50;
    this.#later();
  }

  #into(at) {
    const from = at * this.height;
    const to = from + this.height - this.#room();
    if (this.scroll.scrollTop > from) this.scroll.scrollTop = from;
    else if (this.scroll.scrollTop < to) this.scroll.scrollTop = to;
    this.#later();
  }

  #chosen(row) {
    const before = this.alarm;
    this.alarm = row?.alarm ?? null;
    if (before !== this.alarm) {
      this.redraw(before);
      this.redraw(this.alarm);
    }
    this.chosen(row);
  }

  #later() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.#draw();
    });
  }

  #draw() {
    this.#hold();
    const first = Math.max(0, this.#top() - BEYOND);
    const last = Math.min(this.rows.length, this.#top() + Math.ceil(this.#room() / this.height) + BEYOND);
    this.first = first;
    this.drawn = this.rows.slice(first, last);
    this.body.style.paddingTop = `${first * this.height}px`;
    this.body.style.paddingBottom = `${(this.rows.length - last) * this.height}px`;
    const kept = new Map();
    this.drawn.forEach((row, offset) => {
      const known = this.lines.get(row.alarm);
      const line = known?.row === row ? known.line : this.#made(row);
      line.setAttribute("aria-rowindex", String(first + offset + 2));
      kept.set(row.alarm, { row, line });
      const there = this.body.children[offset];
      if (there !== line) {
        this.body.insertBefore(line, there ?? null);
        this.moved = true;
      }
    });
    while (this.body.children.length > this.drawn.length) this.body.lastElementChild.remove();
    this.lines = kept;
    const active = this.alarm === null ? null : kept.get(this.alarm)?.line;
    if (active) this.scroll.setAttribute("aria-activedescendant", active.id);
    else this.scroll.removeAttribute("aria-activedescendant");
  }

  /** The first unchanged row that was in view stays where it was: nothing moves under the eyes of a person who
   *  reads further down. */
  #hold() {
    this.anchors.some((row, offset) => {
      const at = this.rows.indexOf(row);
      if (at >= 0) this.scroll.scrollTop += (at - this.anchorPlace - offset) * this.height;
      return at >= 0;
    });
    this.anchors = [];
  }

  #made(row) {
    const line = this.line(row, { chosen: row.alarm === this.alarm, marked: this.marked.has(row.alarm) });
    this.number += 1;
    line.id = `row-${this.number}`;
    return line;
  }
}
