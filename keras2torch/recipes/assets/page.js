"use strict";
(() => {
  const root = document.documentElement;
  const search = document.getElementById("search");
  const items = [...document.querySelectorAll("nav li")];
  const articles = new Map([...document.querySelectorAll("article")].map((a) => [a.id, a]));
  const names = [...articles.keys()];
  const heading = document.title;

  // A page from disk may be denied storage.
  const stored = (key, value) => {
    try {
      if (value === undefined) return localStorage.getItem(key);
      localStorage.setItem(key, value);
    } catch { return null; }
  };

  function paint(theme) {
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    const dark = (theme || system) === "dark";
    if (theme) root.dataset.theme = theme;
    document.getElementById("dark").media = dark ? "all" : "not all";
    document.getElementById("light").media = dark ? "not all" : "all";
    return dark;
  }
  let dark = paint(stored("theme"));
  document.getElementById("theme").onclick = () => {
    const next = dark ? "light" : "dark";
    stored("theme", next);
    dark = paint(next);
  };
  matchMedia("(prefers-color-scheme: dark)").onchange = () => { dark = paint(stored("theme")); };

  function show() {
    const name = decodeURIComponent(location.hash.slice(1));
    const found = articles.get(name);
    document.body.classList.toggle("reading", Boolean(found));
    for (const article of articles.values()) article.classList.toggle("shown", article === found);
    for (const item of items) {
      const link = item.firstElementChild;
      link.classList.toggle("current", item.dataset.recipe === name);
      if (item.dataset.recipe === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
      if (item.dataset.recipe === name) item.scrollIntoView({ block: "nearest" });
    }
    document.title = found ? `${found.querySelector("h1").textContent} · Keras to PyTorch` : heading;
    scrollTo(0, 0);
  }

  // What is before and after in the course.
  names.forEach((name, i) => {
    const turn = articles.get(name).querySelector(".turn");
    for (const [to, text] of [[names[i - 1], "←"], [names[i + 1], "→"]]) {
      const link = document.createElement(to ? "a" : "span");
      if (to) {
        const title = articles.get(to).querySelector("h1").textContent;
        link.href = `#${to}`;
        link.textContent = text === "←" ? `← ${title}` : `${title} →`;
      }
      turn.append(link);
    }
  });

  // As `keras2torch recipes WORDS` does: Keras names and titles, else texts and code.
  const plain = (text) => text.toLowerCase().replace(/[-_\s]+/g, " ").trim();
  const texts = new Map();
  const whole = (name) => {
    if (!texts.has(name)) texts.set(name, plain(articles.get(name).textContent));
    return texts.get(name);
  };
  const NONE = 9;
  function rank(item, wanted) {
    const keras = item.dataset.keras.split(" ").map(plain);
    const last = new Set(keras.flatMap((name) => name.split(/[.()=, ]+/)));
    for (const spelled of [wanted, wanted.replaceAll(" ", "")]) {
      if (keras.includes(spelled) || last.has(spelled)) return 0;
      if (keras.some((name) => name.includes(spelled))) return 1;
    }
    const words = wanted.split(" ");
    const head = plain(`${item.dataset.recipe} ${item.textContent}`);
    if (words.every((word) => head.includes(word))) return 2;
    return words.every((word) => whole(item.dataset.recipe).includes(word)) ? 3 : NONE;
  }
  const order = new Map(items.map((item, i) => [item, i]));
  const homes = new Map(items.map((item) => [item, item.parentElement]));
  let best = null;
  function filter() {
    const wanted = plain(search.value).replace(/^(tf\.)?(keras\.)?/, "");
    document.body.classList.toggle("searching", wanted !== "");
    const ranks = new Map(items.map((item) => [item, wanted ? rank(item, wanted) : 0]));
    const first = Math.min(...ranks.values());
    best = null;
    for (const item of items) {
      item.hidden = ranks.get(item) === NONE || ranks.get(item) > Math.max(first, 2);
      homes.get(item).append(item);
      if (!item.hidden && wanted && (!best || ranks.get(item) < ranks.get(best))) best = item;
    }
    for (const section of document.querySelectorAll("nav section")) {
      const list = section.querySelector("ol");
      const sorted = [...list.children].sort((a, b) => ranks.get(a) - ranks.get(b) || order.get(a) - order.get(b));
      list.append(...sorted);
      section.hidden = sorted.every((item) => item.hidden);
    }
    document.getElementById("nothing").hidden = items.some((item) => !item.hidden);
  }
  search.oninput = filter;
  search.onkeydown = (event) => {
    if (event.key === "Escape") { search.value = ""; filter(); }
    if (event.key === "Enter" && best) open(best.dataset.recipe);
  };
  function open(name) {
    search.value = "";
    filter();
    search.blur();
    location.hash = name;
  }
  for (const item of items) item.addEventListener("click", () => { search.value = ""; filter(); });
  addEventListener("keydown", (event) => {
    if (event.key === "/" && event.target === document.body) { event.preventDefault(); search.focus(); }
  });

  for (const button of document.querySelectorAll(".copy")) {
    button.onclick = async () => {
      const side = Number(button.dataset.side);
      const regions = [...button.closest(".sides").querySelectorAll(".region")];
      const parts = regions.map((region) => {
        const title = region.querySelector("h3");
        const text = region.querySelectorAll("pre")[side].textContent.trimEnd();
        return title ? `# %% ${title.textContent}\n${text}` : text;
      });
      await navigator.clipboard.writeText(`${parts.join("\n\n")}\n`);
      button.textContent = "copied";
      setTimeout(() => { button.textContent = "copy"; }, 1500);
    };
  }
  // A finger has no hover: a tap marks the region.
  for (const region of document.querySelectorAll(".region")) {
    region.addEventListener("click", () => {
      for (const other of document.querySelectorAll(".region.here")) other.classList.remove("here");
      region.classList.add("here");
    });
  }

  addEventListener("hashchange", show);
  show();
})();
