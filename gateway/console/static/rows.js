// The open alarms a page knows, in the order in which they are answered, and those a filter lets through.

const URGENT = 1;

/** Order of two rows: unacknowledged, acknowledged, not annunciated; priority; still active; newest. */
export function compare(a, b) {
  if (a.quieted !== b.quieted) return a.quieted ? 1 : -1;
  if (a.unanswered !== b.unanswered) return a.unanswered ? -1 : 1;
  if (a.priority !== b.priority) return a.priority - b.priority;
  if (a.active !== b.active) return a.active ? -1 : 1;
  if (a.raised_ms !== b.raised_ms) return b.raised_ms - a.raised_ms;
  return a.alarm < b.alarm ? -1 : a.alarm > b.alarm ? 1 : 0;
}

/** Where a row stands in an ordered list, or would stand. */
function place(list, row) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compare(list[middle], row) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class Rows {
  constructor() {
    this.passes = () => true;
    this.clear();
  }

  clear() {
    this.byAlarm = new Map();
    /** Alarm -> newest ledger number heard, those that are over too: a part of the table may be older. */
    this.heard = new Map();
    /** Group -> {count, first}: how many of its alarms are open, and the one that was first-out if it is. */
    this.groups = new Map();
    this.shown = [];
    /** Unacknowledged alarms by priority: [unused, n1, n2, n3, n4]. */
    this.waiting = [0, 0, 0, 0, 0];
    this.hiddenUrgent = 0;
  }

  get size() {
    return this.byAlarm.size;
  }

  /** A part of the table; rows that changed meanwhile are kept as they are. */
  add(rows) {
    for (const row of rows) {
      if (row.seq <= (this.heard.get(row.alarm) ?? 0)) continue;
      this.#forget(row.alarm, false);
      this.#keep(row);
    }
    this.refilter(this.passes);
  }

  /** The whole table is here: what is over need not be remembered any more. */
  settled() {
    for (const alarm of [...this.heard.keys()]) if (!this.byAlarm.has(alarm)) this.heard.delete(alarm);
  }

  /** One alarm changed; false if that is older than what is known. */
  put(row) {
    if (row.seq <= (this.heard.get(row.alarm) ?? 0)) return false;
    this.#forget(row.alarm, true);
    this.heard.set(row.alarm, row.seq);
    if (row.open) {
      this.#keep(row);
      if (this.passes(row)) this.shown.splice(place(this.shown, row), 0, row);
    }
    return true;
  }

  /** Other rows are let through: all are looked at again. */
  refilter(passes) {
    this.passes = passes;
    this.shown = [];
    this.hiddenUrgent = 0;
    for (const row of this.byAlarm.values()) {
      if (passes(row)) this.shown.push(row);
      else if (row.unanswered && row.priority === URGENT) this.hiddenUrgent += 1;
    }
    this.shown.sort(compare);
  }

  /** The place of an alarm among those shown, -1 if it is not. */
  indexOf(alarm) {
    const row = this.byAlarm.get(alarm);
    if (!row) return -1;
    const at = place(this.shown, row);
    return this.shown[at] === row ? at : -1;
  }

  /** Every value of a column, sorted, with how often it is there. */
  values(name) {
    const found = new Map();
    for (const row of this.byAlarm.values()) {
      if (row[name]) found.set(row[name], (found.get(row[name]) ?? 0) + 1);
    }
    return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  #keep(row) {
    this.byAlarm.set(row.alarm, row);
    this.heard.set(row.alarm, row.seq);
    this.#count(row, 1);
    if (!row.group) return;
    row.together = this.groups.get(row.group) ?? { count: 0, first: null };
    this.groups.set(row.group, row.together);
    row.together.count += 1;
    if (row.first_out) row.together.first = row;
  }

  #forget(alarm, listed) {
    const known = this.byAlarm.get(alarm);
    if (!known) return;
    if (listed) {
      const at = this.indexOf(alarm);
      if (at >= 0) this.shown.splice(at, 1);
    }
    this.byAlarm.delete(alarm);
    this.#count(known, -1);
    const together = known.together;
    if (!together) return;
    together.count -= 1;
    if (together.first === known) together.first = null;
    if (together.count === 0) this.groups.delete(known.group);
  }

  #count(row, by) {
    if (!row.unanswered) return;
    this.waiting[Math.min(4, Math.max(1, row.priority))] += by;
    if (row.priority === URGENT && !this.passes(row)) this.hiddenUrgent += by;
  }
}
