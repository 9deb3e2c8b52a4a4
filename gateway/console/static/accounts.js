// The accounts page: who may use the console. A one-time link is shown once, and only here.

import { at, element, say, send, texts } from "/static/shell.js";
import { fill, moment, shown, tableRow, told, withProgress } from "/static/look.js";

function button(text, label, act, strong = false) {
  const made = element("button", strong ? "button strong" : "button", text);
  made.type = "button";
  made.setAttribute("aria-label", `${text} ${label}`);
  made.addEventListener("click", act);
  return made;
}

/** Opens a dialog; whether it was closed with "yes". */
function asked(id) {
  const dialog = at(id);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

async function command(name, body) {
  const answer = await withProgress(send(`/accounts/${name}`, body));
  const good = told(answer, answer.said?.link ? "" : texts.done);
  await look();
  if (good && answer.said.link) {
    at("handed-text").textContent = say(texts.hand_over, { account: body.account });
    at("link").textContent = location.origin + answer.said.link;
    at("handed").showModal();
  }
  return good;
}

async function edit(one) {
  at("part-title").textContent = say(texts.edit_title, { account: one.account });
  at("part-role").value = one.role;
  at("part-county").value = one.county;
  at("part-enterprise").value = one.enterprise;
  if (!(await asked("part"))) return;
  command("change", { account: one.account, role: at("part-role").value, county: at("part-county").value, enterprise: at("part-enterprise").value });
}

async function switchOff(one) {
  at("sure-text").textContent = say(texts.sure_off, { account: one.account });
  if (await asked("sure")) command("enable", { account: one.account, enabled: false });
}

function person(one) {
  const who = element("span");
  who.append(element("b", "", one.account), element("span", "note", one.name === one.account ? "" : one.name));
  const ready = one.provided ? texts.provided : one.has_password ? texts.ready : texts.no_password;
  const state = one.enabled ? ready : texts.off;
  const does = element("span", "deeds");
  if (one.enabled && !one.provided) does.append(button(texts.new_link, one.account, () => command("link", { account: one.account })), " ");
  if (!one.provided) does.append(button(texts.edit, one.account, () => edit(one)), " ");
  if (one.enabled) does.append(button(texts.switch_off, one.account, () => switchOff(one)));
  else does.append(button(texts.switch_on, one.account, () => command("enable", { account: one.account, enabled: true })));
  const made = tableRow(["name", who], texts[`role_${one.role}`] ?? one.role, [one.county, one.enterprise].filter(Boolean).join(" / ") || texts.whole_city, state, ["long", does]);
  if (!one.enabled) made.className = "empty";
  return made;
}

/** "operator, whole city" in the page's language; other details are names. */
function detailOf(text) {
  const words = { "whole city": texts.whole_city };
  return text.split(", ").map((part) => words[part] ?? texts[`role_${part}`] ?? part).join(", ");
}

function show(said) {
  fill(at("people"), said.accounts.map(person));
  fill(
    at("changes"),
    said.changes.map((one) => tableRow(["at", moment(one.at_ms)], one.by || "–", one.account, ["long", [texts[`change_${one.action}`] ?? one.action, detailOf(one.detail)].filter(Boolean).join(": ")])),
  );
}

const look = () => shown("/accounts/list", show);

at("new").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = { account: at("new-account").value.trim(), name: at("new-name").value.trim(), role: at("new-role").value, county: at("new-county").value, enterprise: at("new-enterprise").value };
  if (await command("add", body)) {
    at("new-account").value = "";
    at("new-name").value = "";
  }
});
look();
