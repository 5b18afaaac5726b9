// The demo's trials: asks for what is refused, shows the answer, and lets the visitor ask the audit why.

const section = document.querySelector(".trials");
const table = section.querySelector("table");
const rows = section.querySelector("tbody");
const why = section.querySelector("#why");

const cell = (...children) => {
  const made = document.createElement("td");
  made.append(...children);
  return made;
};

const code = (text) => Object.assign(document.createElement("code"), { textContent: text });

// One character in the middle becomes another one: what a guess or a copying mistake looks like.
function changed(url) {
  const place = url.length - 8;
  const other = url[place] === "A" ? "B" : "A";
  return url.slice(0, place) + other + url.slice(place + 1);
}

const TRIALS = {
  foreign: () => [section.dataset.foreign],
  upload: () => [`${section.dataset.own}try-an-upload.txt`, { method: "PUT", body: "Is this allowed?" }],
  changed: () => {
    const medium = document.querySelector(".media [src], .media a[href]");
    return medium && [changed(medium.getAttribute("src") ?? medium.getAttribute("href"))];
  },
  nobody: () => [`${section.dataset.own}anything`, { credentials: "omit" }],
};

// Absent facts are left out: a refused request has no policies that permitted it.
const told = (words) => JSON.stringify(words, (_name, value) => value ?? undefined, 2);

const UNTOLD = {
  403: "Only owners and administrators of the organization may read its audit. Sign in as the administrator and ask below for this id,",
  404: "No request of your organization has this id: it came from nobody, from somebody else, or is not on disk yet. Who runs the gateway can tell:",
};

async function explain(id) {
  const answer = await fetch(`/-/api/requests/${encodeURIComponent(id)}`);
  const words = await answer.json().catch(() => ({}));
  const terminal = answer.status === 403 ? "or, on the gateway's machine:" : "";
  why.textContent = answer.ok
    ? told(words)
    : `${UNTOLD[answer.status] ?? words.message ?? answer.status} ${terminal}\n\nsluicegate explain ${id}`;
  why.hidden = false;
  why.scrollIntoView({ block: "nearest" });
  why.focus();
}

async function attempt(button) {
  const trial = TRIALS[button.dataset.trial]();
  const row = document.createElement("tr");
  table.hidden = false;
  rows.prepend(row);
  row.append(cell(button.textContent));
  if (!trial) {
    row.append(cell("Nothing is shown above whose handle could be changed."), cell(), cell());
    return;
  }
  const [address, options] = trial;
  const answer = await fetch(address, { cache: "no-store", ...options });
  const said = await answer.json().catch(() => ({}));
  const id = said.request_id ?? answer.headers.get("x-request-id") ?? "";
  row.append(cell(code(`${answer.status} ${said.code ?? ""}`), " ", said.message ?? ""), cell(code(id)));
  const ask = Object.assign(document.createElement("button"), { type: "button", className: "plain", textContent: "Why?" });
  ask.setAttribute("aria-label", `Why: ${button.textContent}`);
  ask.addEventListener("click", () => explain(id));
  row.append(id ? cell(ask) : cell());
}

section.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  explain(event.target.elements.id.value.trim());
});

for (const button of section.querySelectorAll("[data-trial]")) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    await attempt(button).finally(() => { button.disabled = false; });
  });
}
