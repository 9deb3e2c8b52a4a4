// Simulate and replay, for testers: start, watch, stop. What publishes needs a gateway that is in an exercise.

import { at, element, say, send, texts } from "/static/shell.js";
import { again, bar, fill, moment, number, shown, tableRow, told, withProgress } from "/static/look.js";

const EVERY_MS = 1500;
let plants = null;

function option(value, text = value) {
  const made = element("option", "", text);
  made.value = value;
  return made;
}

function faults() {
  at("fault").replaceChildren(option("", texts.no_fault), ...(plants[at("plant").value] ?? []).map((name) => option(name)));
}

function choices(said) {
  if (plants === null) {
    plants = said.plants;
    at("plant").replaceChildren(...Object.keys(plants).map((name) => option(name)));
    if (plants.gas_room) at("plant").value = "gas_room";
    faults();
  }
  const chosen = at("recording").value;
  if (at("recording").options.length !== said.recordings.length) {
    at("recording").replaceChildren(...said.recordings.map((name) => option(name)));
    if (said.recordings.includes(chosen)) at("recording").value = chosen;
  }
  at("no-files").hidden = said.recordings.length > 0;
  at("no-files").textContent = say(texts.no_files, { folder: at("recording-form").dataset.folder });
}

function progress(run, nowMs) {
  const made = element("span");
  const s = Math.max(0, ((run.ended_ms ?? nowMs) - run.begun_ms) / 1000);
  const values = { s: number(s, 0), status: run.status, who: run.stopped_by };
  if (run.ended_ms === null) {
    if (run.expected_s) made.append(bar(Math.min(100, (100 * s) / run.expected_s), false));
    else made.append(element("progress"));
    made.append(element("span", "note", say(texts.running, values)));
  } else if (run.stopped_by) made.append(say(texts.was_stopped, values));
  else made.append(say(run.status === 0 ? texts.ended_well : texts.ended_badly, values));
  return made;
}

function show(said) {
  choices(said);
  const running = said.runs.length > 0 && said.runs[0].ended_ms === null;
  at("exercise").hidden = !said.exercise;
  at("no-exercise").hidden = said.exercise === true;
  at("no-exercise").textContent = said.exercise === null ? texts.no_core : texts.no_exercise;
  document.querySelector("#plant-form button").disabled = running || !said.exercise;
  document.querySelector("#recording-form button").disabled = running || !said.exercise || !said.recordings.length;
  document.querySelector("#journal-form button").disabled = running;
  at("stop").hidden = !running;
  fill(
    at("runs"),
    said.runs.map((run) => tableRow(["number", number(run.number)], ["name", run.arguments.join(" ")], run.by, ["at", moment(run.begun_ms)], ["long", progress(run, said.now_ms)])),
  );
  at("log-part").hidden = !said.runs.length;
  if (said.runs.length) at("log").textContent = said.runs[0].log;
}

const look = () => shown("/simulate/state", show);

function starts(form, path, body) {
  at(form).addEventListener("submit", async (event) => {
    event.preventDefault();
    told(await withProgress(send(path, body())), texts.started);
    look();
  });
}

starts("plant-form", "/simulate/plant", () => ({
  plant: at("plant").value,
  site: at("site").value,
  devices: Number(at("devices").value),
  fault: at("fault").value,
  fault_at_s: Number(at("fault-at").value),
  for_s: Number(at("for").value),
  speed: Number(at("speed").value),
  seed: Number(at("seed").value),
}));
starts("recording-form", "/simulate/recording", () => ({ file: at("recording").value, speed: Number(at("recording-speed").value) }));
starts("journal-form", "/simulate/journal", () => ({}));
at("plant").addEventListener("change", faults);
at("stop").addEventListener("click", async () => {
  told(await send("/simulate/stop", {}));
  look();
});
again(look, EVERY_MS);
