// The alarm table: rows by alarm id, kept in order; text goes in as text, never as markup.

import { element, may } from "/static/shell.js";

const RANK = (row) => [
  row.quieted ? 1 : 0,
  row.unanswered ? 0 : 1,
  row.priority,
  row.active ? 0 : 1,
  -row.raised_ms,
  row.alarm,
];

/** Order of two rows: unacknowledged first, then priority, then still active, then newest. */
export function compare(a, b) {
  const left = RANK(a);
  const right = RANK(b);
  for (let i = 0; i < left.length; i += 1) {
    if (left[i] < right[i]) return -1;
    if (left[i] > right[i]) return 1;
  }
  return 0;
}

function number(value) {
  if (value === null || value === undefined) return "";
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(5)));
}

function when(ms) {
  const at = new Date(ms);
  const two = (n) => String(n).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return { day, time: `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}` };
}

export class Table {
  /** texts: the page's words; language: "en" or "zh"; act(action, row, button): what a button does. */
  constructor(body, texts, language, act) {
    this.body = body;
    this.texts = texts;
    this.language = language;
    this.act = act;
    this.rows = new Map();
    this.order = [];
    this.total = 0;
  }

  /** Show exactly these rows. */
  replace(rows, total) {
    this.rows.clear();
    const kept = document.createDocumentFragment();
    this.order = rows.filter((row) => row.open).sort(compare);
    for (const row of this.order) {
      const line = this.#line(row);
      this.rows.set(row.alarm, { row, line });
      kept.append(line);
    }
    this.body.replaceChildren(kept);
    this.total = Math.max(total, this.order.length);
  }

  /** One alarm changed. */
  change(row) {
    const known = this.rows.get(row.alarm);
    if (known) {
      this.order.splice(this.order.indexOf(known.row), 1);
      known.line.remove();
      this.rows.delete(row.alarm);
      this.total -= 1;
    }
    if (!row.open) return;
    const place = this.#place(row);
    const line = this.#line(row);
    const next = this.order[place];
    this.body.insertBefore(line, next ? this.rows.get(next.alarm).line : null);
    this.order.splice(place, 0, row);
    this.rows.set(row.alarm, { row, line });
    this.total += 1;
  }

  /** Unacknowledged alarms by priority: [unused, n1, n2, n3, n4]. */
  unanswered() {
    const counts = [0, 0, 0, 0, 0];
    for (const row of this.order) {
      if (row.unanswered) counts[Math.min(4, Math.max(1, row.priority))] += 1;
    }
    return counts;
  }

  #place(row) {
    let low = 0;
    let high = this.order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(this.order[middle], row) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #line(row) {
    const priority = Math.min(4, Math.max(1, row.priority));
    const line = element("tr", `p${priority} ${row.unanswered ? "unanswered" : "answered"} ${row.active ? "active" : "returned"}${row.quieted ? " quieted" : ""}`);
    line.dataset.alarm = row.alarm;
    line.append(
      this.#priority(priority),
      this.#state(row),
      this.#since(row),
      this.#where(row),
      this.#what(row),
      this.#response(row),
      this.#action(row),
    );
    return line;
  }

  #priority(priority) {
    const cell = element("td", "priority");
    const shape = element("span", "shape", String(priority));
    shape.setAttribute("aria-hidden", "true");
    cell.append(shape, element("span", "name", this.texts[`priority_${priority}`]));
    return cell;
  }

  #state(row) {
    const cell = element("td", "state");
    const name = row.resettable ? "waiting_reset" : row.state;
    cell.append(element("span", "name", this.texts[name] ?? row.state));
    if (row.until_ms) {
      const { day, time } = when(row.until_ms);
      const shown = day === when(Date.now()).day ? time : `${day} ${time}`;
      cell.append(element("span", "note", `${this.texts.until} ${shown}`));
    }
    if (row.quieted) cell.append(element("span", "note", row.active ? this.texts.condition_holds : this.texts.condition_over));
    if (row.latched) cell.append(element("span", "note", this.texts.latched));
    return cell;
  }

  #since(row) {
    const cell = element("td", "since");
    const { day, time } = when(row.raised_ms);
    const stamp = element("time", "", time);
    stamp.dateTime = new Date(row.raised_ms).toISOString();
    cell.append(stamp);
    if (day !== when(Date.now()).day) cell.append(element("span", "note", day));
    return cell;
  }

  #where(row) {
    const cell = element("td", "where");
    cell.append(element("b", "", row.device || this.texts.this_gateway));
    const path = [row.county, row.enterprise, row.site, row.asset].filter(Boolean).join(" / ");
    if (path) cell.append(element("span", "note", path));
    return cell;
  }

  #what(row) {
    const cell = element("td", "what");
    const head = element("p", "head");
    head.append(element("b", "", row.channel || (row.device ? this.texts.whole_device : "")));
    head.append(" ", element("span", "condition", row.condition));
    if (row.value !== null && row.limit !== null && row.category === "process") {
      const value = `${number(row.value)} ${row.unit}`.trim();
      head.append(" ", element("span", "value", value));
      if (!row.explained) {
        head.append(" ", element("span", "note inline", `${this.texts.limit} ${number(row.limit)} ${row.unit}`.trim()));
      }
    }
    cell.append(head, element("p", "reason", this.language === "zh" ? row.reason_zh : row.reason_en));
    const remarks = row.flags.map((flag) => this.texts[flag] ?? "").filter(Boolean);
    if (!row.verified) remarks.push(this.texts.unverified);
    if (remarks.length) cell.append(element("p", "note", remarks.join(" · ")));
    return cell;
  }

  #response(row) {
    const cell = element("td", "response");
    cell.append(element("p", "", this.language === "zh" ? row.response_zh : row.response_en));
    if (row.clause) cell.append(element("p", "note", row.clause));
    return cell;
  }

  #action(row) {
    const cell = element("td", "action");
    if (row.quieted) {
      const back = { shelved: "unshelve", out_of_service: "return_to_service" }[row.state];
      if (back && may.has("shelve")) cell.append(this.#button(back, row));
      return cell;
    }
    const action = row.unanswered ? "acknowledge" : row.resettable ? "reset" : "";
    if (action && may.has("acknowledge")) cell.append(this.#button(action, row));
    if (may.has("shelve") && row.shelvable) cell.append(this.#button("shelve", row));
    return cell;
  }

  #button(action, row) {
    const button = element("button", action, this.texts[action]);
    button.type = "button";
    button.setAttribute("aria-label", `${this.texts[action]} ${row.alarm}`);
    button.addEventListener("click", () => this.act(action, row, button));
    return button;
  }
}
