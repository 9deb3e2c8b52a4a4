// The login, and the choice of a password by a one-time link: sends JSON, says why it was refused.

const texts = JSON.parse(document.getElementById("texts").textContent);
const { language, mode, key, back } = document.body.dataset;
const at = (id) => document.getElementById(id);
const stored = localStorage.getItem("theme");
if (stored) document.documentElement.dataset.theme = stored;

function refuse(text) {
  at("refused").textContent = text;
  at("refused").hidden = false;
}

at("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  at("refused").hidden = true;
  const password = at("password").value;
  if (mode === "welcome" && password !== at("again").value) {
    refuse(texts.passwords_differ);
    return;
  }
  const body = mode === "login" ? { account: at("account").value.trim(), password } : { key, password };
  const button = event.submitter ?? document.querySelector("#login button");
  button.disabled = true;
  try {
    const answer = await fetch(mode === "login" ? "/login" : "/welcome", {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "X-CSRF-Token": document.querySelector('meta[name="csrf-token"]').content,
      },
      body: JSON.stringify(body),
    });
    const said = await answer.json();
    if (said.accepted) location.assign(back || "/");
    else refuse((language === "zh" ? said.reason_zh : said.reason_en) ?? String(answer.status));
  } catch {
    refuse(texts.no_answer_login);
  } finally {
    button.disabled = false;
  }
});
