// Added to each page while the book is served on this machine: makes a run, and shows it
// as it goes. What is shown comes from the server as HTML; letting go of the answer ends
// the run, so that Stop and closing the page are one thing.
(() => {
  const headers = { "x-live-token": "TOKEN" };
  const template = document.getElementById("live-template");
  const sections = document.querySelectorAll("section.run[data-run]");
  if (!template || sections.length === 0) return;
  let under_way = 0;
  window.liveRuns = () => under_way;

  const controls = new Map();
  for (const section of sections) {
    const run = section.dataset.run;
    const parts = template.content.cloneNode(true);
    const part = (name) => parts.querySelector(name);
    const own = {
      run, section,
      start: part(".live-run"), stop: part(".live-stop"),
      sizes: part(".live-sizes"), size: part(".live-size"), about: part("figure.live .about"),
      status: part(".live-status"), column: part("figure.live"), output: part("figure.live pre"),
    };
    own.start.setAttribute("aria-label", `Run ${run}`);
    own.stop.setAttribute("aria-label", `Stop ${run}`);
    own.size.setAttribute("aria-label", `Size of ${run}`);
    own.output.setAttribute("aria-label", `Live output of ${run}`);
    own.start.addEventListener("click", () => make(own));
    own.stop.addEventListener("click", () => own.abort?.abort());
    section.querySelector(".run-head").append(part(".live-controls"));
    // Its place is there before it has lines, so that nothing moves aside for them; it needs
    // the room of the record, and has the same heads.
    const recorded = section.querySelector(".run-columns > :first-child");
    own.column.style.cssText = recorded.style.cssText;
    const heads = recorded.querySelector(".cell-heads");
    if (heads) own.output.before(heads.cloneNode(true));
    recorded.after(own.column);
    controls.set(run, [...(controls.get(run) ?? []), own]);
  }

  // A run with one size has none to choose. The recorded size is offered where this machine
  // has the memory for it.
  const offer = async () => {
    const answer = await fetch("/live/runs", { headers });
    if (!answer.ok) return;
    for (const [run, { sizes, why }] of Object.entries(await answer.json())) {
      for (const own of controls.get(run) ?? []) {
        own.sizes.hidden = sizes === "one";
        const option = own.size.querySelector("[value=recorded]");
        option.disabled = sizes !== "both";
        option.textContent = why === undefined ? "as recorded" : `as recorded (${why})`;
      }
    }
  };
  offer().catch(() => {});

  const say = (own, words, bad = false) => {
    own.status.textContent = words;
    own.status.classList.toggle("bad", bad);
  };

  const clear = (own) => {
    own.output.replaceChildren();
    own.lines = new Map();
    own.omitted = undefined;
    own.about.textContent = "this program, on this machine, now";
    own.column.classList.add("made");
    own.section.querySelectorAll(".live-verdict, .live-picture").forEach((old) => old.remove());
    const tally = own.section.querySelector(".live-tally");
    if (tally) tally.textContent = "";
    own.section.querySelectorAll(".line.differs").forEach((line) => unmark(line));
  };

  const mark = (line, words) => {
    if (!line || line.classList.contains("differs")) return;
    line.classList.add("differs");
    const word = document.createElement("span");
    word.className = "differs-word";
    word.textContent = `${words}: `;
    line.prepend(word);
  };
  const unmark = (line) => {
    line.classList.remove("differs");
    line.querySelector(".differs-word")?.remove();
  };

  // The page shows what it has, and answers to its reader; a hidden page is not drawn.
  const frame = () => new Promise((done) => {
    requestAnimationFrame(done);
    setTimeout(done, 250);
  });

  const show = {
    status: (own, { words }) => say(own, words),
    started: (own, { command, size }) => {
      const code = document.createElement("code");
      code.textContent = command;
      own.about.replaceChildren(`${size ? `${size}, ` : ""}on this machine, now: `, code);
      say(own, `Running: ${command}`);
    },
    lines: async (own, { first, html }) => {
      own.output.insertAdjacentHTML("beforeend", html.join(""));
      // From the last one back: what was there before is not looked at again.
      let number = first + html.length - 1;
      for (let line = own.output.lastElementChild; number >= first; line = line.previousElementSibling) {
        if (line.classList.contains("line")) own.lines.set(number--, line);
      }
      await frame();
    },
    omitted: (own, { words }) => {
      if (!own.omitted) {
        own.omitted = document.createElement("span");
        own.omitted.className = "omitted";
        own.output.append(own.omitted);
      }
      own.omitted.textContent = words;
      own.omitted.hidden = words === "";
    },
    ended: (own, { words, well }) => { own.ended = words; say(own, words, !well); },
    picture: (own, { html }) => {
      const picture = document.createElement("div");
      picture.className = "live-picture";
      picture.innerHTML = html;
      own.section.append(picture);
    },
    agreement: (own, { words, agrees, live, recorded }) => {
      say(own, `${own.ended} ${words}`, !agrees);
      own.ended = `${own.ended} ${words}`;
      const theirs = own.section.querySelectorAll(".run-column.recorded .line");
      live.forEach((at) => mark(own.lines.get(at), "only live"));
      recorded.forEach((at) => mark(theirs[at], "only recorded"));
      own.agrees = agrees;
    },
    verdicts: (own, { claims, words, surprising }) => {
      const fold = own.section.querySelector("details.claims");
      if (fold) {
        fold.querySelector(".live-tally").textContent = words;
        if (surprising) fold.open = true;
      }
      for (const [index, html] of Object.entries(claims)) {
        const claim = own.section.querySelector(`[data-claim="${index}"] .claim`);
        claim?.insertAdjacentHTML("beforeend", html);
      }
      say(own, own.ended ?? "", own.agrees === false);
    },
    failed: (own, { words }) => say(own, words, true),
  };

  async function* events(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ""; ;) {
      const { value, done } = await reader.read();
      if (done) return;
      text += value;
      if (!value.includes("\n")) continue;
      const blocks = text.split("\n\n");
      text = blocks.pop();
      for (const block of blocks) {
        const data = block.split("\n").filter((line) => line.startsWith("data:"));
        if (data.length > 0) yield JSON.parse(data.map((line) => line.slice(5)).join("\n"));
      }
    }
  }

  // On a phone the output is far below its button.
  const reveal = (column) => {
    const { top, bottom } = column.getBoundingClientRect();
    if (top < innerHeight * 0.8 && bottom > 0) return;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    column.scrollIntoView({ block: "center", behavior: still ? "auto" : "smooth" });
  };

  async function make(own) {
    own.abort = new AbortController();
    own.ended = undefined;
    own.agrees = undefined;
    clear(own);
    say(own, "Asking for the run.");
    // The focus goes on to Stop before Run takes none.
    own.stop.hidden = false;
    if (document.activeElement === own.start) own.stop.focus({ preventScroll: true });
    own.start.disabled = true;
    own.size.disabled = true;
    reveal(own.column);
    under_way += 1;
    try {
      const answer = await fetch("/live/runs", {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify({ run: own.run, size: own.size.value }),
        signal: own.abort.signal,
      });
      if (!answer.ok) {
        say(own, await answer.text(), true);
        return;
      }
      for await (const told of events(answer.body)) await show[told.event]?.(own, told);
    } catch (error) {
      say(own, own.abort.signal.aborted ? "Stopped." : `The server is gone: ${error.message}`, !own.abort.signal.aborted);
    } finally {
      under_way -= 1;
      const had_focus = document.activeElement === own.stop;
      own.stop.hidden = true;
      own.start.disabled = false;
      own.size.disabled = false;
      if (had_focus) own.start.focus();
      document.dispatchEvent(new Event("live-run-ended"));
    }
  }
})();
