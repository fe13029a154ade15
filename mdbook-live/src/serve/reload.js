// Added to each page while the book is served: shows the new book once it is built, and says
// when what was saved does not build.
(() => {
  const shown = "BUILD_ID";
  const OPEN = `open-details:${location.pathname}`;

  // What the reader had opened is open again after a reload.
  const details = () => [...document.querySelectorAll("details")];
  const remember = () => sessionStorage.setItem(OPEN, JSON.stringify(details().map((one) => one.open)));
  const open = JSON.parse(sessionStorage.getItem(OPEN) ?? "[]");
  sessionStorage.removeItem(OPEN);
  details().forEach((one, at) => { if (open[at]) one.open = true; });

  const again = () => { remember(); location.reload(); };
  const reload = () => {
    // A reload would end the run that is being made: the reader says when.
    if ((window.liveRuns?.() ?? 0) === 0) { again(); return; }
    if (document.querySelector(".book-changed")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "book-changed";
    button.textContent = "The book has changed: reload";
    button.addEventListener("click", again);
    document.body.append(button);
  };

  const say = (problem) => {
    document.querySelector(".book-broken")?.remove();
    if (problem === null) return;
    const banner = document.createElement("div");
    banner.className = "book-broken";
    banner.setAttribute("role", "status");
    const title = document.createElement("strong");
    title.textContent = "What was saved does not build; this is the book as it was before.";
    const why = document.createElement("pre");
    why.tabIndex = 0;
    why.textContent = problem;
    banner.append(title, why);
    document.body.append(banner);
  };

  // A browser opens six connections to one host: a page that nobody sees holds none, and
  // hears what has changed as soon as it is seen.
  let events;
  const heed = () => {
    events?.close();
    events = undefined;
    if (document.hidden) return;
    events = new EventSource("/live/reload");
    events.onmessage = (event) => {
      const { build_id, problem } = JSON.parse(event.data);
      if (build_id !== shown) reload(); else say(problem);
    };
  };
  document.addEventListener("visibilitychange", heed);
  addEventListener("pageshow", (event) => { if (event.persisted) heed(); });
  addEventListener("pagehide", () => events?.close());
  heed();
})();
