// Renews, unseen, what a session got from the organization's identity provider, ahead of its end and while the page is in use. Where
// that cannot be done unseen, a line at the foot of the page says so and offers a window; the page itself stays as it is.

const CHANNEL = "sluicegate-renewal";
const PATIENCE = 20_000;
const IN_USE = 15 * 60_000;
const LONGEST_TIMER = 2 ** 31 - 1;

let used = Date.now();
let timer;
let notice;

const inUse = () => Date.now() - used < IN_USE;

async function account() {
  const answer = await fetch("/-/api/account", { credentials: "same-origin" });
  return answer.ok ? answer.json() : null;
}

// A frame that nobody sees goes to the identity provider and comes back, when that has a session. Whatever it shows on the way is
// another site's; only the page that it ends with is ours.
function unseen(address) {
  return new Promise((resolve) => {
    const frame = document.createElement("iframe");
    frame.hidden = true;
    frame.setAttribute("aria-hidden", "true");
    const end = (outcome) => {
      clearTimeout(patience);
      frame.remove();
      resolve(outcome);
    };
    const patience = setTimeout(() => end("timeout"), PATIENCE);
    frame.addEventListener("load", () => {
      let outcome;
      try {
        outcome = frame.contentDocument?.documentElement.dataset.renewal;
      } catch {
        // Another site's page.
      }
      if (outcome) end(outcome);
    });
    frame.src = address;
    document.body.append(frame);
  });
}

function tell(renewal) {
  notice?.remove();
  const ends = new Date(renewal.ends).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  notice = document.createElement("div");
  notice.id = "sluicegate-renewal";
  notice.setAttribute("role", "status");
  notice.style.cssText =
    "position:fixed;inset:auto 1rem 4.5rem auto;z-index:2147483647;max-width:24rem;padding:.75rem 1rem;border-radius:.5rem;" +
    "font:1rem/1.4 system-ui,sans-serif;background:#16202a;color:#fff;border:1px solid #4fc3c3;box-shadow:0 2px 12px #0006";
  const button = (words, colours, act) => {
    const one = document.createElement("button");
    one.type = "button";
    one.textContent = words;
    one.style.cssText = `margin:.5rem .5rem 0 0;padding:.4rem .9rem;border-radius:.3rem;font:inherit;${colours}`;
    one.addEventListener("click", act);
    return one;
  };
  const stay = () => window.open(renewal.window, CHANNEL, "popup,width=560,height=680");
  const buttons = document.createElement("div");
  buttons.append(
    button("Stay signed in", "border:0;background:#4fc3c3;color:#04201f", stay),
    button("Not now", "border:1px solid #4fc3c3;background:transparent;color:#fff", () => notice.remove()),
  );
  notice.append(`Your access lasts until ${ends}, and your organization's sign-in did not renew it by itself.`, buttons);
  document.body.append(notice);
  // When it is over, the notice is, and what could be had in part is looked at again.
  clearTimeout(timer);
  const left = Math.max(new Date(renewal.ends) - Date.now(), 60_000);
  timer = setTimeout(() => plan(), Math.min(left, LONGEST_TIMER));
}

// One page of this browser does it for all of them, and tells the others.
async function renew(renewal) {
  await navigator.locks.request(CHANNEL, { ifAvailable: true }, async (lock) => {
    if (!lock) return;
    const now = (await account().catch(() => null))?.renewal;
    if (!now || now.ends !== renewal.ends) return plan();
    const outcome = await unseen(renewal.unseen);
    if (outcome !== "renewed") return tell(renewal);
    await plan(renewal.ends);
  });
}

// `before`: what the end was before it was renewed. One that does not move is tried again when it is over, and not before.
async function plan(before) {
  clearTimeout(timer);
  const renewal = (await account().catch(() => null))?.renewal;
  if (!renewal) return;
  notice?.remove();
  const left = renewal.seconds_left * 1000;
  const moved = renewal.ends !== before;
  const wait = Math.min(Math.max(moved ? left * 0.8 : left, moved ? 1000 : 60_000), LONGEST_TIMER);
  timer = setTimeout(() => (inUse() ? renew(renewal) : wake(renewal)), wait);
}

// Nobody is there: as soon as somebody is again.
function wake(renewal) {
  const back = () => {
    for (const sign of SIGNS) removeEventListener(sign, back, true);
    renew(renewal);
  };
  for (const sign of SIGNS) addEventListener(sign, back, { capture: true, passive: true });
}

// A film that runs is use, too.
const SIGNS = ["pointerdown", "keydown", "wheel", "timeupdate"];
for (const sign of SIGNS) addEventListener(sign, () => (used = Date.now()), { capture: true, passive: true });
new BroadcastChannel(CHANNEL).addEventListener("message", ({ data }) => data === "renewed" && plan());
plan();
