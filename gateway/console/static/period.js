// The period of a page that looks back: the last days, or from one time to another; kept in the address.

import { at, texts } from "/static/shell.js";
import { stretch } from "/static/look.js";

const DAY_MS = 86400000;
const MINUTE_MS = 60000;

function local(ms) {
  return new Date(ms - new Date(ms).getTimezoneOffset() * MINUTE_MS).toISOString().slice(0, 19);
}

/** Calls change(query) with the chosen period as parameters of an address; now, and at each "show". */
export function chosenPeriod(change) {
  const asked = new URLSearchParams(location.search);
  const operators = at("operators");
  const own = document.querySelectorAll("#period .own");
  if (asked.has("since_ms") && asked.has("until_ms")) {
    at("last").value = "own";
    at("since").value = local(Number(asked.get("since_ms")));
    at("until").value = local(Number(asked.get("until_ms")));
  } else {
    at("last").value = ["1", "7", "30"].includes(asked.get("last")) ? asked.get("last") : "1";
  }
  if (operators) operators.value = asked.get("operators") ?? "1";

  const fold = () => {
    const chosen = at("last").value === "own";
    for (const label of own) label.hidden = !chosen;
    if (chosen && !at("since").value) {
      at("until").value = local(Date.now());
      at("since").value = local(Date.now() - DAY_MS);
    }
  };

  const show = () => {
    const days = at("last").value;
    const until = days === "own" ? new Date(at("until").value).getTime() : Date.now();
    const since = days === "own" ? new Date(at("since").value).getTime() : until - Number(days) * DAY_MS;
    const wrong = !(until > since);
    at("wrong").hidden = !wrong;
    at("wrong").textContent = wrong ? texts.empty_period : "";
    if (wrong) return;
    const query = new URLSearchParams({ since_ms: String(since), until_ms: String(until) });
    const kept = days === "own" ? new URLSearchParams(query) : new URLSearchParams({ last: days });
    if (operators) {
      query.set("operators", operators.value);
      kept.set("operators", operators.value);
    }
    history.replaceState(null, "", `?${kept}`);
    at("from-to").textContent = stretch(since, until);
    change(query);
  };

  at("last").addEventListener("change", () => {
    fold();
    if (at("last").value !== "own") show();
  });
  at("period").addEventListener("submit", (event) => {
    event.preventDefault();
    show();
  });
  fold();
  show();
}
