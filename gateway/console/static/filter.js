// The list's filter: kept in the address, so that it survives a reload and can be sent to a colleague.

import { at, element, texts } from "/static/shell.js";

const LISTS = ["county", "enterprise", "sector", "family"];
const EXACT = [...LISTS, "site", "device"];
const STATES = ["unacknowledged", "returned_unacknowledged", "acknowledged", "shelved", "suppressed_by_design", "out_of_service"];
const SEARCHED = ["alarm", "device", "asset", "site", "enterprise", "county", "channel", "reason_en", "reason_zh"];
const WAIT_MS = 150;

/** The sentence of a filter as a function of rows. */
export function passing(wanted) {
  const words = wanted.text.toLowerCase().split(/\s+/).filter(Boolean);
  const exact = Object.entries(wanted.exact);
  return (row) =>
    (wanted.priorities.size === 0 || wanted.priorities.has(row.priority)) &&
    (wanted.states.size === 0 || wanted.states.has(row.state)) &&
    exact.every(([name, value]) => row[name] === value) &&
    words.every((word) => SEARCHED.some((name) => String(row[name] ?? "").toLowerCase().includes(word)));
}

export class Filter {
  /** changed(passes): told when other rows are let through. */
  constructor(changed) {
    this.changed = changed;
    this.wanted = this.#read();
    this.timer = 0;
    this.offered = "";
    for (const box of this.#boxes()) box.addEventListener("change", () => this.#taken());
    at("filter-text").addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.#taken(), WAIT_MS);
    });
    at("filter-state").addEventListener("change", () => this.#taken());
    for (const name of LISTS) at(`filter-${name}`).addEventListener("change", () => this.#taken());
    at("filter").addEventListener("submit", (event) => event.preventDefault());
    at("filter-clear").addEventListener("click", () => this.clear());
    addEventListener("popstate", () => this.#set(this.#read()));
    this.#fill();
  }

  get passes() {
    return passing(this.wanted);
  }

  get active() {
    const { priorities, states, exact, text } = this.wanted;
    return priorities.size + states.size + Object.keys(exact).length > 0 || text !== "";
  }

  clear() {
    this.#set({ priorities: new Set(), states: new Set(), exact: {}, text: "" });
    this.#write();
  }

  /** Only alarms of this value; the same again takes the filter away. */
  only(name, value) {
    const exact = { ...this.wanted.exact };
    if (exact[name] === value) delete exact[name];
    else exact[name] = value;
    this.#set({ ...this.wanted, exact });
    this.#write();
  }

  /** What can be chosen, from the alarms there are. */
  offer(rows) {
    for (const name of LISTS) {
      const list = at(`filter-${name}`);
      const chosen = this.wanted.exact[name] ?? "";
      const values = rows.values(name);
      if (chosen && !values.some(([value]) => value === chosen)) values.push([chosen, 0]);
      const whole = JSON.stringify([chosen, values]);
      if (list.dataset.offered === whole) continue;
      list.dataset.offered = whole;
      const every = element("option", "", texts[`every_${name}`]);
      every.value = "";
      const options = values.map(([value, count]) => {
        const option = element("option", "", `${value} (${count})`);
        option.value = value;
        return option;
      });
      list.replaceChildren(every, ...options);
      list.value = chosen;
      list.hidden = values.length < 2 && !chosen;
    }
  }

  #boxes() {
    return document.querySelectorAll("#filter input[name=priority]");
  }

  #read() {
    const said = new URLSearchParams(location.search);
    const listed = (name) => new Set((said.get(name) ?? "").split(",").filter(Boolean));
    const exact = {};
    for (const name of EXACT) if (said.get(name)) exact[name] = said.get(name);
    return {
      priorities: new Set([...listed("priority")].map(Number).filter((p) => p >= 1 && p <= 4)),
      states: new Set([...listed("state")].filter((state) => STATES.includes(state))),
      exact,
      text: (said.get("text") ?? "").slice(0, 200),
    };
  }

  #write() {
    const { priorities, states, exact, text } = this.wanted;
    const said = new URLSearchParams(location.search);
    for (const name of ["priority", "state", "text", ...EXACT]) said.delete(name);
    if (priorities.size) said.set("priority", [...priorities].sort().join(","));
    if (states.size) said.set("state", [...states].join(","));
    for (const [name, value] of Object.entries(exact)) said.set(name, value);
    if (text) said.set("text", text);
    said.delete("lang");
    const query = said.toString();
    history.replaceState(null, "", query ? `?${query}` : location.pathname);
    const link = at("language");
    said.set("lang", new URLSearchParams(link.search).get("lang"));
    link.search = said.toString();
  }

  #taken() {
    const exact = {};
    for (const name of ["site", "device"]) if (this.wanted.exact[name]) exact[name] = this.wanted.exact[name];
    for (const name of LISTS) if (at(`filter-${name}`).value) exact[name] = at(`filter-${name}`).value;
    const state = at("filter-state").value;
    this.#set({
      priorities: new Set([...this.#boxes()].filter((box) => box.checked).map((box) => Number(box.value))),
      states: new Set(state ? state.split(",") : []),
      exact,
      text: at("filter-text").value.trim(),
    });
    this.#write();
  }

  #set(wanted) {
    this.wanted = wanted;
    this.#fill();
    this.changed(this.passes);
  }

  #fill() {
    const { priorities, states, exact, text } = this.wanted;
    for (const box of this.#boxes()) box.checked = priorities.has(Number(box.value));
    const state = [...states].join(",");
    at("filter-state").value = [...at("filter-state").options].some((o) => o.value === state) ? state : "";
    if (document.activeElement !== at("filter-text")) at("filter-text").value = text;
    for (const name of LISTS) at(`filter-${name}`).value = exact[name] ?? "";
    at("filter-clear").hidden = !this.active;
    const chips = ["site", "device"].filter((name) => exact[name]);
    at("filter-exact").replaceChildren(
      ...chips.map((name) => {
        const chip = element("button", "chip", `${texts[name]}: ${exact[name]} ×`);
        chip.type = "button";
        chip.addEventListener("click", () => this.only(name, exact[name]));
        return chip;
      }),
    );
  }
}
