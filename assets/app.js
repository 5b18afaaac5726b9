// Shows each storage's media: asks for a page of keys, has them sealed, and shows them by their handles.
// Names come into the page as text only, never as markup.

const PAGE = 24;
const KINDS = [
  ["image", /\.(png|jpe?g|gif|webp|avif|bmp|svg)$/i],
  ["video", /\.(mp4|m4v|webm|mov|ogv)$/i],
  ["audio", /\.(mp3|wav|ogg|oga|opus|flac|m4a|aac)$/i],
];

const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

class Refused extends Error {
  constructor(status, said) {
    super(said.message ?? `The answer was ${status}.`);
    this.status = status;
    this.requestId = said.request_id;
    this.signIn = said.sign_in;
  }
}

async function ask(address, options = {}) {
  const answer = await fetch(address, { credentials: "same-origin", ...options });
  if (answer.ok) return answer.json();
  throw new Refused(answer.status, await answer.json().catch(() => ({})));
}

function shown(kind, handle, key) {
  switch (kind) {
    case "image":
      return element("img", { src: handle.url, alt: key, loading: "lazy", decoding: "async" });
    case "video":
      return element("video", { src: handle.url, controls: true, preload: "metadata", ariaLabel: key });
    case "audio":
      return element("audio", { src: handle.url, controls: true, preload: "metadata", ariaLabel: key });
    default:
      return element("a", { href: handle.url, textContent: "Open" });
  }
}

function figure(key, handle) {
  const kind = KINDS.find(([, ending]) => ending.test(key))?.[0];
  const medium = shown(kind, handle, key);
  const place = element("div", { className: "show" }, medium);
  medium.addEventListener("error", () => {
    place.replaceChildren(element("span", { className: "quiet", textContent: "This cannot be shown now." }));
  });
  const caption = element("figcaption", { textContent: key });
  return element("li", {}, element("figure", {}, place, caption));
}

function told(status, error) {
  if (error.status === 401) {
    // The session, or only what it got from the organization's identity provider.
    const [what, address] = error.signIn ? ["access to this", `${error.signIn}?renew=try&`] : ["session", "/-/sign-in?"];
    const href = `${address}return=${encodeURIComponent(location.pathname)}`;
    status.replaceChildren(`Your ${what} has ended. `, element("a", { href, textContent: "Sign in again" }));
  } else if (error.status === 403) {
    status.textContent = "You may not list what lies here; tasks show you their media by themselves.";
  } else {
    const id = error.requestId ? ` (request ${error.requestId})` : "";
    status.textContent = `${error.message}${id}`;
  }
}

class Storage {
  constructor(section) {
    this.section = section;
    ({ project: this.project, storage: this.storage } = section.dataset);
    this.after = "";
    this.media = section.querySelector(".media");
    this.status = section.querySelector(".status");
    this.more = section.querySelector(".more");
    this.more.addEventListener("click", () => this.showPage());
  }

  async showPage() {
    this.more.disabled = true;
    this.status.textContent = "Loading…";
    try {
      const page = await this.page();
      const handles = await this.sealed(page.keys);
      page.keys.forEach((key, place) => this.media.append(figure(key, handles[place])));
      this.after = page.next ?? "";
      this.more.hidden = !this.after;
      this.status.textContent = this.media.children.length ? "" : "Nothing lies here.";
    } catch (error) {
      told(this.status, error);
    } finally {
      this.more.disabled = false;
    }
  }

  // Keys that end with a slash are what some tools write for "folders": there is nothing to show in them.
  async page() {
    const query = new URLSearchParams({ limit: PAGE });
    if (this.after) query.set("after", this.after);
    const page = await ask(`/-/objects/${this.project}/${this.storage}/?${query}`);
    const keys = page.objects.map((one) => one.key).filter((key) => !key.endsWith("/"));
    return { keys, next: page.next };
  }

  sealed(keys) {
    if (!keys.length) return [];
    return ask("/-/api/handles", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(keys.map((key) => ({ project: this.project, storage: this.storage, key }))),
    });
  }
}

for (const section of document.querySelectorAll(".storage")) new Storage(section).showPage();
