// Added to each page while the book is served: shows the new book once it is built.
(() => {
  const shown = "GENERATION";
  let events;
  const listen = () => {
    events = new EventSource("/live/reload");
    events.onmessage = (event) => { if (event.data !== shown) location.reload(); };
  };
  // A browser opens few connections to one host: a hidden page gives its own back.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { events.close(); } else { listen(); }
  });
  addEventListener("pageshow", (event) => { if (event.persisted) { events.close(); listen(); } });
  listen();
})();
