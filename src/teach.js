// For teaching from a page: one section at a time for a projector, the notes in a window of
// their own, a handout on paper. All of it is made of what the page has: its sections begin with
// `h2`, its notes are in `details.instructor`.
(() => {
  const main = document.querySelector("main");
  // The page for printing the book is no lesson.
  if (main?.querySelectorAll("h1").length !== 1) return;
  const root = document.documentElement;
  const asks = new URLSearchParams(location.search);
  const kept = (storage, name, value) => {
    try {
      if (value === undefined) return storage.getItem(name);
      storage.setItem(name, value);
    } catch { /* A browser may keep nothing. */ }
    return value;
  };
  const element = (name, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };
  const button = (words, action, properties = {}) =>
    element("button", { type: "button", textContent: words, onclick: action, ...properties });

  // What stands before the first heading is the first section, by the chapter's name.
  const notes = main.querySelector("details.instructor");
  const sections = [{ heading: main.querySelector("h1"), parts: [] }];
  for (const part of main.children) {
    if (part.matches("h2")) sections.push({ heading: part, parts: [] });
    sections.at(-1).parts.push(part);
  }
  const isForTeachers = ({ parts }) => parts.some((part) => part === notes);
  const stages = sections.filter((section) => !isForTeachers(section));
  const title = ({ heading }) => heading.textContent.trim();

  const neighbour = (step) => {
    const link = document.querySelector(step > 0 ? ".nav-chapters.next" : ".nav-chapters.previous");
    if (link) location.href = link.href;
  };
  const of_place = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    return target ? stages.findIndex(({ parts }) => parts.some((part) => part.contains(target))) : -1;
  };
  let at = Math.max(0, of_place());
  const projects = () => root.classList.contains("projector");

  // The notes' window: the same page, which shows its notes alone, and talks to the one that has
  // opened it, whichever chapter that shows by now.
  let lesson = asks.get("notes") ?? kept(sessionStorage, "lesson");
  let channel;
  const here = location.href.replace(/[?#].*/, "");
  const keys = (handle) => addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.target.closest?.("input, select, textarea, .player, [contenteditable]")) return;
    if (!handle(event.key)) return;
    event.preventDefault();
    // mdBook turns the page by the same keys.
    event.stopPropagation();
  }, true);
  if (asks.has("notes")) {
    channel = new BroadcastChannel(`lesson-${lesson}`);
    show_notes();
    return;
  }

  const bar = element("div", { className: "projector-bar" });
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "Projector");
  const where = element("span", { className: "where" });
  where.setAttribute("role", "status");
  bar.append(
    button("‹", () => step(-1), { ariaLabel: "Previous section" }), where,
    button("›", () => step(1), { ariaLabel: "Next section" }), button("Leave", () => project(false)),
  );

  const tell = () => channel?.postMessage({ page: here, at });
  const show = () => {
    sections.forEach(({ parts }) => parts.forEach((part) => part.classList.toggle("off-stage", projects() && part !== stages[at].heading && !stages[at].parts.includes(part))));
    where.textContent = `${at + 1} of ${stages.length}`;
    tell();
  };
  const go = (to) => {
    if (to < 0 || to >= stages.length) { neighbour(to < 0 ? -1 : 1); return; }
    at = to;
    const { heading } = stages[at];
    history.replaceState(null, "", at > 0 ? `#${heading.id}` : location.href.replace(/#.*/, ""));
    show();
    if (projects()) scrollTo(0, 0);
    else heading.scrollIntoView();
  };
  const step = (by) => go(at + by);
  const project = (on) => {
    kept(localStorage, "projector", on ? "on" : "off");
    root.classList.toggle("projector", on);
    if (on) document.body.append(bar);
    else bar.remove();
    show();
    if (on) scrollTo(0, 0);
    else stages[at].heading.scrollIntoView();
  };

  // Which section is read: the last whose heading is in the upper part of the window.
  let waits = false;
  addEventListener("scroll", () => {
    if (projects() || waits) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      const read = stages.findLastIndex(({ heading }) => heading.getBoundingClientRect().top < innerHeight * 0.4);
      if (read < 0 || read === at) return;
      at = read;
      tell();
    });
  }, { passive: true });
  addEventListener("hashchange", () => {
    const to = of_place();
    if (to < 0 || !projects()) return;
    at = to;
    show();
    document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
  });

  const listen = () => {
    channel = new BroadcastChannel(`lesson-${lesson}`);
    channel.onmessage = ({ data }) => {
      if (data.asks) tell();
      if (data.step) step(data.step);
    };
  };
  const open_notes = () => {
    lesson ??= kept(sessionStorage, "lesson", String(Math.random()).slice(2));
    if (!channel) listen();
    open(`${here}?notes=${lesson}`, `lesson-${lesson}`, "popup,width=560,height=760");
  };
  if (lesson) listen();

  // On paper: without what would answer for the reader, with room for what the reader thinks.
  const lines = (words) => {
    const room = element("div", { className: "write" }, element("span", { textContent: words }));
    for (let line = 0; line < 4; line++) room.append(element("i"));
    return room;
  };
  const handout = (on) => {
    root.classList.toggle("handout", on);
    main.querySelectorAll(".write").forEach((room) => room.remove());
    main.querySelectorAll(".not-on-handout").forEach((part) => part.classList.remove("not-on-handout"));
    if (!on) return;
    const predict = sections.find(({ heading }) => heading.id === "predict");
    const room = lines("Your prediction");
    room.classList.add("last-before-the-answer");
    predict?.parts.at(-1).after(room);
    for (const fold of main.querySelectorAll("details")) {
      const solves = fold.matches(".solution") || /solution$/i.test(fold.querySelector("summary")?.textContent.trim() ?? "");
      if (solves) fold.before(lines("Your answer"));
      if (solves || fold === notes) fold.classList.add("not-on-handout");
    }
    sections.filter(isForTeachers).forEach(({ heading }) => heading.classList.add("not-on-handout"));
  };
  const print_handout = () => {
    handout(true);
    addEventListener("afterprint", () => handout(asks.has("handout")), { once: true });
    print();
  };

  const actions = [
    ["Projector", "P", () => project(!projects())],
    ...(notes ? [["Notes in a second window", "N", open_notes]] : []),
    ["Print as a handout", "", print_handout],
    ["Print with notes and solutions", "", () => print()],
  ];
  const menu = element("div", { className: "teach-menu", id: "teach-menu", popover: "auto" });
  for (const [words, key, action] of actions) {
    const entry = button(words, () => { menu.hidePopover?.(); action(); });
    if (key) {
      entry.setAttribute("aria-keyshortcuts", key);
      entry.append(element("kbd", { textContent: key }));
    }
    menu.append(entry);
  }
  const opener = button("Teach", null, { className: "icon-button teach", title: "Teach from this page" });
  opener.setAttribute("popovertarget", menu.id);
  document.querySelector(".right-buttons")?.prepend(opener, menu);
  const help = document.querySelector("#mdbook-help-popup > div");
  const tells = (key, words) => help?.lastElementChild.before(element("p", {}, "Press ", element("kbd", { textContent: key }), ` ${words}`));
  tells("P", "to show one section at a time, for a projector");
  if (notes) tells("N", "to open the instructor's notes in a second window");

  keys((key) => {
    if (key === "p" || key === "P") { project(!projects()); return true; }
    if (notes && (key === "n" || key === "N")) { open_notes(); return true; }
    if (!projects()) return false;
    const { scrollTop, clientHeight, scrollHeight } = document.scrollingElement;
    if (key === "ArrowRight" || (key === "PageDown" && scrollTop + clientHeight >= scrollHeight - 4)) { step(1); return true; }
    if (key === "ArrowLeft" || (key === "PageUp" && scrollTop <= 4)) { step(-1); return true; }
    if (key === "Escape") { project(false); return true; }
    return false;
  });

  if (asks.has("handout")) handout(true);
  const asked = asks.get("projector");
  if (asked !== null ? asked !== "off" : kept(localStorage, "projector") === "on") project(true);
  tell();

  // Which note belongs to which section: it names the section, or a run that the section shows.
  function show_notes() {
    const plain = (words) => words.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ").trim();
    const names = stages.map((section) => plain(title(section)));
    const runs = stages.map(({ parts }) => parts.flatMap((part) => [...part.querySelectorAll("[data-run]"), ...(part.matches("[data-run]") ? [part] : [])].map((run) => run.dataset.run)));
    const minutes = stages.map(() => 0);
    const of_section = stages.map(() => []);
    const of_chapter = [];
    for (const note of notes?.children ?? []) {
      if (note.matches("summary")) continue;
      // The minutes of each section stand behind a link to it.
      if (/^minutes/i.test(note.textContent)) {
        for (const link of note.querySelectorAll("a")) {
          const found = stages.findIndex(({ heading }) => heading.id === link.hash.slice(1));
          if (found >= 0) minutes[found] = parseInt(link.nextSibling?.textContent, 10) || 0;
        }
        continue;
      }
      const named = [...note.querySelectorAll("em")].map((word) => plain(word.textContent));
      const shown = [...note.querySelectorAll("code")].map((code) => code.textContent);
      const places = stages.map((_, place) => place).filter((place) => place > 0
        && (named.includes(names[place]) || shown.some((run) => runs[place].includes(run))));
      for (const place of places) of_section[place].push(note);
      if (places.length === 0) of_chapter.push(note);
    }
    root.classList.add("notes-window");
    document.title = `Notes: ${title(stages[0])}`;
    const began = Number(kept(sessionStorage, `began ${here}`) ?? kept(sessionStorage, `began ${here}`, String(Date.now())));
    const view = element("main", { className: "content notes-view" });
    document.body.append(view);
    const send = (by) => channel.postMessage({ step: by });
    const counted = (count) => `${count} ${count === 1 ? "minute" : "minutes"}`;
    const clock = element("span");
    const tick = () => { clock.textContent = `Open for ${counted(Math.floor((Date.now() - began) / 60000))}.`; };
    setInterval(tick, 5000);
    tick();
    const status = element("div");
    status.setAttribute("role", "status");
    const body = element("div");
    view.append(
      element("h1", { textContent: title(stages[0]) }), status, body,
      element("p", { className: "steps" }, button("‹ Previous section", () => send(-1)), button("Next section ›", () => send(1))),
      element("p", { className: "quiet" }, "The arrow keys move the other window, too. ", clock),
    );
    const copies = (list) => list.map((note) => note.cloneNode(true));
    const draw = () => {
      const until = minutes.slice(0, at + 1).reduce((sum, one) => sum + one, 0);
      const all = minutes.reduce((sum, one) => sum + one, 0);
      status.replaceChildren(
        element("p", { className: "quiet", textContent: `Section ${at + 1} of ${stages.length}` }),
        element("h2", { textContent: at > 0 ? title(stages[at]) : "Before the first section" }),
        element("p", { className: "minutes", textContent: `${minutes[at] ? `${counted(minutes[at])}; ` : ""}by its end ${until} of ${all}` }),
      );
      body.replaceChildren(...copies(of_section[at]));
      if (stages[at + 1]) body.append(element("p", { className: "quiet", textContent: `Next: ${title(stages[at + 1])}` }));
      if (of_chapter.length > 0) {
        const rest = element("details", { open: true }, element("summary", { textContent: "For the whole chapter" }), ...copies(of_chapter));
        body.append(rest);
      }
    };
    channel.onmessage = ({ data }) => {
      if (data.page === undefined) return;
      if (data.page !== here) { location.replace(`${data.page}?notes=${lesson}`); return; }
      at = data.at;
      draw();
    };
    keys((key) => {
      const by = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1 }[key];
      if (by) send(by);
      return by !== undefined;
    });
    draw();
    channel.postMessage({ asks: true });
  }
})();
