// Added to each page while the book is served: shows the new book once it is built.
(() => {
  const shown = "BUILD_ID";
  let events;
  const reload = () => {
    // A reload would end the run that is being made: the reader says when.
    if ((window.liveRuns?.() ?? 0) === 0) { location.reload(); return; }
    if (document.querySelector(".book-changed")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "book-changed";
    button.textContent = "The book has changed: reload";
    button.addEventListener("click", () => location.reload());
    document.body.append(button);
  };
  const listen = () => {
    events = new EventSource("/live/reload");
    events.onmessage = (event) => { if (event.data !== shown) reload(); };
  };
  // A browser opens few connections to one host: a hidden page gives its own back.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { events.close(); } else { listen(); }
  });
  addEventListener("pageshow", (event) => { if (event.persisted) { events.close(); listen(); } });
  listen();
})();
