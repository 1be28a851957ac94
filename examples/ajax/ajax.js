// Calls the service from a page of another origin. The token is kept in a variable only: no cookie, no storage.
"use strict";

{
  const at = (id) => document.getElementById(id);
  const service = at("service");
  const field = at("token");
  let token = "";

  const addressOf = (path) => new URL(path, service.value.replace(/\/*$/, "/"));

  const show = (title, what, status, text) => {
    const entry = document.createElement("li");
    entry.classList.toggle("good", status >= 200 && status < 300);
    const add = (name, content) => {
      const element = document.createElement(name);
      element.textContent = content;
      entry.append(element, " ");
    };
    add("output", status || "no answer");
    add("strong", title);
    add("code", what);
    if (text) add("pre", text);
    at("answers").prepend(entry);
  };

  const pretty = (text) => {
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      return text;
    }
  };

  const ask = async (title, method, path) => {
    const what = `${method} ${path}`;
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    try {
      const answer = await fetch(addressOf(path), { method, headers, credentials: "omit", cache: "no-store" });
      show(title, what, answer.status, pretty(await answer.text()));
      if (answer.status === 401) token = "";
      return answer.ok;
    } catch (error) {
      const reason = "This origin is not allowed, or nobody answers: the browser's console says which, scripts are not told.";
      show(title, what, 0, `${error}\n${reason}`);
      return false;
    }
  };

  const linkTokens = () => {
    if (service.validity.valid) at("tokens").href = addressOf("../../hub/token");
  };

  at("form").addEventListener("submit", (event) => {
    event.preventDefault();
    token = field.value.trim();
    field.value = "";
    ask("Sign in", "GET", "me");
  });
  at("who-am-i").addEventListener("click", () => ask("Who am I?", "GET", "me"));
  at("sign-out").addEventListener("click", async () => {
    if (await ask("Sign out", "POST", "logout")) token = "";
  });
  service.addEventListener("input", linkTokens);

  at("origin").textContent = location.origin;
  linkTokens();
}
