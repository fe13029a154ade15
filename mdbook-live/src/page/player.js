// Plays a record in the place of its lines. The player is asked for with the first click, from
// beside the page: without it a page is as light as before.
// The page of all chapters has this once for each of them, and listens once.
if (!window.playsRecords) document.addEventListener("click", async (event) => {
  const button = event.target.closest?.(".record-files .play");
  if (!button) return;
  const files = button.closest(".record-files");
  const column = button.closest(".run").querySelector(".run-column.recorded");
  const opened = column.querySelector(".player");
  if (opened) {
    opened.dispatchEvent(new Event("end"));
    opened.remove();
    column.classList.remove("played");
    button.setAttribute("aria-expanded", "false");
    button.textContent = "Play";
    return;
  }
  const run = button.closest(".run").dataset.run;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

  const element = (name, properties, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };
  const says = element("span", { className: "player-says" });
  says.setAttribute("role", "status");
  const box = element("div", { className: "player" }, says);
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", `The record of ${run}, played`);
  // Its keys are its own: an arrow goes through the record, and not to the next chapter.
  box.addEventListener("keydown", (key) => { if (key.key !== "Tab") key.stopPropagation(); });
  column.querySelector("figcaption").after(box);
  column.classList.add("played");
  button.setAttribute("aria-expanded", "true");
  button.textContent = "Close";

  const asked = (name, properties) => {
    const known = document.querySelector(`head > [data-player-file="${properties.src ?? properties.href}"]`);
    if (known) return known.loaded;
    const file = element(name, properties);
    file.dataset.playerFile = properties.src ?? properties.href;
    file.loaded = new Promise((done, failed) => {
      file.onload = done;
      file.onerror = () => { file.remove(); failed(new Error("the player is not there")); };
    });
    document.head.append(file);
    return file.loaded;
  };
  const record = async () => {
    // A page from the disk may not read its neighbours.
    if (location.protocol === "file:") throw new Error("a page that is opened from the disk cannot read it");
    const answer = await fetch(files.querySelector("a").href);
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    return answer.text();
  };
  let data;
  try {
    const folder = files.dataset.player;
    [data] = await Promise.all([
      record(),
      asked("link", { rel: "stylesheet", href: `${folder}asciinema-player.css` }),
      asked("script", { src: `${folder}asciinema-player.min.js` }),
    ]);
  } catch (error) {
    says.textContent = `The record cannot be played: ${error.message}. The link next to Close has its file.`;
    return;
  }
  if (!box.isConnected) return;

  // What is over in a moment would not be seen.
  const [head, ...events] = data.trimEnd().split("\n");
  const { duration } = JSON.parse(head);
  const speeds = [[1, "as it was"], [0.1, "10 times slower"], [0.01, "100 times slower"]];
  const speed = element("select", {}, ...speeds.map(([value, words]) => element("option", { value, textContent: words })));
  speed.value = duration >= 2 ? 1 : duration >= 0.2 ? 0.1 : 0.01;
  // A screen on which the whole output has room, up to a point.
  const told = events.map((event) => JSON.parse(event));
  const marks = told.filter(([, kind]) => kind === "m").length;
  const printed = told.filter(([, kind]) => kind === "o").map(([, , text]) => text).join("");
  const lines = printed.replace(/\x1b\[[\d;]*m/g, "").trimEnd().split("\r\n");
  const room = Math.floor(box.clientWidth / 6.5);
  const cols = Math.min(Math.max(44, room), Math.max(60, ...lines.slice(0, 5000).map((line) => line.length)));
  const rows = lines.reduce((rows, line) => rows + Math.max(1, Math.ceil(line.length / cols)), 1);
  const screen = element("div", {});
  let player;
  const play = () => {
    player?.dispose();
    player = AsciinemaPlayer.create({ data }, screen, {
      cols, rows: Math.min(30, Math.max(4, rows)), autoPlay: !still, preload: true, speed: Number(speed.value),
      // At rest it shows how the run ends.
      ...(still ? { poster: `npt:${duration}` } : {}),
      // A mark every few pixels would hide the bar.
      ...(marks > 60 ? { markers: [] } : {}),
      theme: "of-page", cursorMode: "hidden", controls: true, fit: "width",
      terminalFontFamily: getComputedStyle(column).fontFamily,
    });
  };
  speed.addEventListener("change", play);
  box.addEventListener("end", () => player.dispose());
  says.remove();
  box.append(screen, element("label", {}, "Speed ", speed));
  play();
});
window.playsRecords = true;
