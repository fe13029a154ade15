//! The pages in a real browser: headless Chromium, driven by chromedriver.
//!
//! `CHROMEDRIVER` names the driver, `CHROMIUM` the browser where it is not on the path,
//! `AXE` axe-core's `axe.min.js`, `SCREENSHOTS` a folder for pictures. Without the first
//! nothing is tested, except under `CI`, where that is a failure.

use std::env;
use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use fantoccini::wd::{PrintConfigurationBuilder, TimeoutConfiguration, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder};
use fork_spawn_share::root;
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Value, json};
use tower_http::compression::CompressionLayer;
use tower_http::services::{ServeDir, ServeFile};
use url::{ParseError, Url};

mod published;
mod server;
mod teaching;

use server::{
    Ended, Outcome, PATIENCE, no_process_is_left, processes_of_runs, serve, small_book,
    wait_for_line,
};

/// Bytes of a chapter's page over the wire, with all that it loads.
const MOST_BYTES: f64 = 300e3;

/// How long a page is as it opens, in windows of a desktop.
const MOST_SCREENS: f64 = 15.0;

/// The size of a desktop's window, in CSS pixels.
const DESKTOP: (u32, u32) = (1440, 900);

/// The size of a large window and of a phone, in CSS pixels.
const WINDOW: (u32, u32) = (1360, 900);
const PHONE: (u32, u32) = (390, 844);

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let Some(driver) = env::var_os("CHROMEDRIVER") else {
        let words = "CHROMEDRIVER names no driver for a browser";
        if env::var_os("CI").is_some() {
            eprintln!("{words}, and is needed here");
            return ExitCode::FAILURE;
        }
        println!("skipped: {words}");
        return ExitCode::SUCCESS;
    };
    let mut arguments = arguments;
    // One browser at a time: they and the runs share the machine.
    arguments.test_threads = Some(1);
    let (driver, url) = match start_driver(Path::new(&driver)) {
        Ok(started) => started,
        Err(error) => {
            eprintln!("cannot start the driver: {error:?}");
            return ExitCode::FAILURE;
        }
    };
    let url: Arc<str> = url.into();
    let book = tempfile::tempdir().expect("a folder");
    let built = mdbook_live::build(root(), Some(book.path())).expect("the book builds");

    let trial = |name: &str, test: fn(&str, &Path) -> Outcome| {
        let (url, built) = (Arc::clone(&url), built.clone());
        Trial::test(name, move || test(&url, &built))
    };
    let trials = vec![
        trial("static_pages_are_whole_light_and_accessible", static_pages),
        trial("every_theme_is_read_without_strain", every_theme),
        trial("static_pages_print_and_do_without_javascript", static_print),
        trial("a_search_finds_the_section_first", published::search),
        trial(
            "the_page_for_what_is_not_there_finds_the_book_below_any_path",
            published::not_found,
        ),
        trial(
            "a_link_leads_to_its_claim_or_line_whatever_folds_it",
            published::deep_links,
        ),
        trial(
            "without_scripts_a_link_to_a_line_leads_to_its_block",
            published::without_scripts,
        ),
        trial(
            "the_link_to_a_claim_is_reached_by_keyboard",
            published::claim_by_keyboard,
        ),
        trial(
            "what_is_folded_is_accessible_as_well",
            published::opened_folds,
        ),
        trial("a_click_copies_the_command_alone", copy_command),
        trial(
            "a_choice_opens_by_keyboard_and_without_javascript",
            open_choice,
        ),
        trial("a_record_is_played_once_it_is_asked_for", play_record),
        trial(
            "a_lesson_is_projected_section_by_section",
            teaching::projector,
        ),
        trial(
            "the_notes_follow_the_lesson_and_lead_it",
            teaching::notes_window,
        ),
        trial(
            "a_handout_has_room_to_write_and_no_solution",
            teaching::handout,
        ),
        trial("a_run_is_told_line_by_line_with_its_verdicts", live_run),
        trial("stop_and_a_closed_page_leave_no_process", live_stop),
        trial("a_run_is_made_by_keyboard_alone", live_keyboard),
        trial("a_changed_listing_shows_where_it_differs", live_difference),
        trial("eight_chapters_in_hidden_tabs_all_load", hidden_tabs),
        trial("a_foreign_page_shows_the_book_in_no_frame", foreign_frame),
        trial("endless_output_leaves_page_and_server_well", endless_output),
        trial("a_listing_that_does_not_compile_shows_why", compile_error),
        trial("an_open_page_says_that_a_save_does_not_build", broken_save),
        trial(
            "a_phone_shows_the_live_output_that_was_asked_for",
            live_phone,
        ),
    ];
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(driver);
    conclusion.exit_code()
}

fn start_driver(driver: &Path) -> Result<(Ended, String), Failed> {
    let mut child = Command::new(driver)
        .args(["--port=0", "--log-level=SEVERE"])
        .stdout(Stdio::piped())
        .spawn()?;
    let line = wait_for_line(&mut child, "ChromeDriver was started successfully on port ")?;
    let port = line
        .rsplit(' ')
        .next()
        .unwrap_or_default()
        .trim_end_matches('.');
    Ok((Ended(child), format!("http://127.0.0.1:{port}")))
}

/// A command that WebDriver itself does not have.
#[derive(Debug)]
struct OfChromium {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for OfChromium {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!(
            "session/{}/{}",
            session.unwrap_or_default(),
            self.path
        ))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

/// A browser that a test has for itself.
struct Browser {
    client: Client,
}

impl Browser {
    async fn open(driver: &str) -> Result<Browser, Failed> {
        let mut options = json!({
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--disable-quic", "--no-first-run", "--disable-background-networking",
                     "--disable-component-update", "--disable-sync", "--hide-scrollbars",
                     // A headless browser has no pointer that hovers, a desktop has.
                     "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4"],
        });
        if let Ok(chromium) = env::var("CHROMIUM") {
            options["binary"] = json!(chromium);
        }
        let capabilities = json!({
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let capabilities = capabilities.as_object().cloned().unwrap_or_default();
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(driver)
            .await?;
        // A long page on a machine with other work takes its time.
        let timeouts = TimeoutConfiguration::new(Some(PATIENCE), None, None);
        client.update_timeouts(timeouts).await?;
        let browser = Browser { client };
        browser.size(WINDOW).await?;
        Ok(browser)
    }

    async fn cdp(&self, command: &str, parameters: Value) -> Result<Value, Failed> {
        let body = json!({ "cmd": command, "params": parameters });
        let path = "goog/cdp/execute";
        Ok(self.client.issue_cmd(OfChromium { path, body }).await?)
    }

    /// Sizes the window, and waits until what moves with it stands still: while the sidebar
    /// leaves a page that became a phone's, the text is a few pixels wide and without end.
    async fn size(&self, (width, height): (u32, u32)) -> Outcome {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.cdp("Emulation.setDeviceMetricsOverride", metrics)
            .await?;
        self.until(&format!(
            "innerWidth === {width} && document.getAnimations().length === 0"
        ))
        .await
    }

    async fn media(&self, media: &str, colours: &str) -> Outcome {
        let features = json!([{ "name": "prefers-color-scheme", "value": colours }]);
        let parameters = json!({ "media": media, "features": features });
        self.cdp("Emulation.setEmulatedMedia", parameters).await?;
        Ok(())
    }

    async fn script(&self, script: &str) -> Result<Value, Failed> {
        Ok(self.client.execute(script, Vec::new()).await?)
    }

    async fn number(&self, script: &str) -> Result<f64, Failed> {
        let value = self.script(&format!("return {script};")).await?;
        Ok(value
            .as_f64()
            .ok_or_else(|| format!("{script} is {value}"))?)
    }

    async fn text(&self, script: &str) -> Result<String, Failed> {
        let value = self.script(&format!("return {script};")).await?;
        Ok(value.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until a JavaScript expression is true.
    async fn until(&self, expression: &str) -> Outcome {
        let deadline = Instant::now() + PATIENCE;
        while self.script(&format!("return !!({expression});")).await? != json!(true) {
            if Instant::now() > deadline {
                return Err(format!("never true: {expression}").into());
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        Ok(())
    }

    /// Presses a key, and lets go of it.
    async fn press(&self, key: &str) -> Outcome {
        let code = match key {
            "ArrowLeft" => 37,
            "ArrowRight" => 39,
            "Escape" => 27,
            letter => u32::from(letter.to_ascii_uppercase().as_bytes()[0]),
        };
        let text = if key.len() == 1 { key } else { "" };
        for (kind, text) in [("keyDown", text), ("keyUp", "")] {
            let event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
            self.cdp("Input.dispatchKeyEvent", event).await?;
        }
        Ok(())
    }

    /// Whatever the browser has found wrong since the last call.
    async fn errors(&self) -> Result<Vec<String>, Failed> {
        let body = json!({ "type": "browser" });
        let log = self
            .client
            .issue_cmd(OfChromium {
                path: "se/log",
                body,
            })
            .await?;
        let entries = log.as_array().cloned().unwrap_or_default();
        let severe = entries.iter().filter(|entry| entry["level"] == "SEVERE");
        Ok(severe.map(|entry| entry["message"].to_string()).collect())
    }

    /// The whole page as a picture, where pictures are asked for.
    async fn picture(&self, name: &str) -> Outcome {
        self.capture(name, true).await
    }

    /// What the window shows of the page as a picture, where pictures are asked for.
    async fn view(&self, name: &str) -> Outcome {
        self.capture(name, false).await
    }

    async fn capture(&self, name: &str, whole: bool) -> Outcome {
        let Some(folder) = env::var_os("SCREENSHOTS").map(PathBuf::from) else {
            return Ok(());
        };
        fs::create_dir_all(&folder)?;
        let parameters = json!({ "captureBeyondViewport": whole, "format": "png" });
        let answer = self.cdp("Page.captureScreenshot", parameters).await?;
        let data = answer["data"].as_str().ok_or("no picture")?;
        fs::write(folder.join(format!("{name}.png")), base64(data)?)?;
        Ok(())
    }

    /// What axe-core finds seriously wrong on this page, a line each.
    async fn accessibility(&self) -> Result<Vec<String>, Failed> {
        let Some(axe) = env::var_os("AXE") else {
            if env::var_os("CI").is_some() {
                return Err("AXE names no axe-core, and is needed here".into());
            }
            return Ok(Vec::new());
        };
        self.script(&fs::read_to_string(axe)?).await?;
        let found = self
            .client
            .execute_async(
                "const [done] = arguments;
                 // mdBook's own switch of the sidebar is a label that says whether it is open.
                 const own = { exclude: [['#mdbook-sidebar-toggle']] };
                 // A page is as its readers find it once its fonts are there and it is drawn.
                 const drawn = () => new Promise(requestAnimationFrame);
                 document.fonts.ready.then(drawn).then(drawn).then(
                   () => axe.run(own, { resultTypes: ['violations'] })
                 ).then(
                   (found) => done(found.violations
                     .filter((one) => ['serious', 'critical'].includes(one.impact))
                     .flatMap((one) => one.nodes.slice(0, 3).map((node) =>
                       `${one.id} (${one.impact}): ${node.target.join(' ')}: ${node.failureSummary.replaceAll('\\n', ' ')}`))),
                   (error) => done([String(error)]));",
                Vec::new(),
            )
            .await?;
        let found = found.as_array().cloned().unwrap_or_default();
        Ok(found
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect())
    }
}

/// Decodes base64, as far as a driver sends it.
fn base64(text: &str) -> Result<Vec<u8>, Failed> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0);
    for c in text.bytes().filter(|c| *c != b'=') {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return Err("a picture that is not base64".into()),
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Ok(bytes)
}

/// Runs a test with a browser of its own, which is closed whatever comes.
fn with_browser<F>(driver: &str, test: impl FnOnce(Arc<Browser>) -> F) -> Outcome
where
    F: Future<Output = Outcome>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let browser = Arc::new(Browser::open(driver).await?);
        let outcome = test(Arc::clone(&browser)).await;
        let closed = browser.client.clone().close().await;
        outcome?;
        Ok(closed?)
    })
}

/// Serves a folder as any file server does, below a path; the address.
async fn file_server(folder: &Path) -> Result<String, Failed> {
    file_server_below(folder, "/book").await
}

async fn file_server_below(folder: &Path, below: &str) -> Result<String, Failed> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let files = ServeDir::new(folder);
    let site = match below {
        "" => Router::new()
            .fallback_service(files.not_found_service(ServeFile::new(folder.join("404.html")))),
        below => {
            // What is shown for whatever is not there, inside the book or outside.
            let not_found = ServeDir::new(folder.join("nothing"))
                .not_found_service(ServeFile::new(folder.join("404.html")));
            Router::new()
                .nest_service(below, files.not_found_service(not_found.clone()))
                .fallback_service(not_found)
        }
    };
    // Text is compressed on its way, as web servers do.
    let site = site.layer(CompressionLayer::new());
    tokio::spawn(async move { axum::serve(listener, site).await });
    Ok(format!("http://{address}{below}"))
}

/// The chapters' pages, by the links of the sidebar's table of contents.
fn chapters(built: &Path) -> Vec<String> {
    let summary = fs::read_to_string(root().join("src/SUMMARY.md")).expect("a summary");
    let links = summary.split("](").skip(1);
    let pages = links.filter_map(|link| link.split_once(".md)"));
    let pages: Vec<String> = pages.map(|(name, _)| format!("{name}.html")).collect();
    assert!(pages.len() > 5 && built.join(&pages[0]).is_file());
    pages
}

fn static_pages(driver: &str, built: &Path) -> Outcome {
    let pages = chapters(built);
    with_browser(driver, async |browser| {
        let server = file_server(built).await?;
        let mut wrong = Vec::new();
        for page in &pages {
            let name = page.trim_end_matches(".html");
            let url = format!("{server}/{page}");
            browser.size(WINDOW).await?;
            browser.media("screen", "light").await?;
            browser.client.goto(&url).await?;
            browser.until("document.readyState === 'complete'").await?;
            let mut note = |what: String| wrong.push(format!("{page}: {what}"));
            for error in browser.errors().await? {
                note(format!("console: {error}"));
            }
            if browser
                .number("document.querySelectorAll('.live-controls').length")
                .await?
                > 0.0
            {
                note("a Run button that nobody answers".to_owned());
            }
            browser.size(DESKTOP).await?;
            let height = browser.number("document.body.scrollHeight").await?;
            let screens = height / f64::from(DESKTOP.1);
            if screens > MOST_SCREENS {
                note(format!(
                    "{screens:.1} screens long, expected at most {MOST_SCREENS}"
                ));
            }
            let wrapped = browser
                .script(
                    "return [...document.querySelectorAll('section.run')].filter((run) =>
                       [...run.querySelectorAll('pre')].some((pre) => {
                         const { width } = pre.getBoundingClientRect();
                         const needs = parseFloat(pre.parentElement.style.getPropertyValue('--needs'));
                         const room = width / parseFloat(getComputedStyle(pre).fontSize) / 0.6 - 6;
                         const one = parseFloat(getComputedStyle(pre).lineHeight) * 1.5;
                         return width > 0 && needs < room
                           && [...pre.querySelectorAll('.line')].some((line) => line.getBoundingClientRect().height > one);
                       })).map((run) => run.id);",
                )
                .await?;
            if wrapped != json!([]) {
                note(format!(
                    "outputs that wrap a line for which there is room: {wrapped}"
                ));
            }
            if page == "data-sink.html" {
                let wrapped = "document.querySelectorAll('#run-data-sink-fork-8 .line')";
                let tall = format!(
                    "[...{wrapped}].filter((line) => line.getBoundingClientRect().height > 30).length"
                );
                if browser.number(&format!("{wrapped}.length")).await? < 40.0
                    || browser.number(&tall).await? > 0.0
                {
                    note("expected no line of data-sink/fork-8 to wrap".to_owned());
                }
            }
            browser.size(WINDOW).await?;
            let sizes = browser
                .script(
                    "return performance.getEntriesByType('navigation').concat(performance.getEntriesByType('resource'))
                       .map((one) => [one.name, one.encodedBodySize]);",
                )
                .await?;
            let sizes: Vec<(String, f64)> = serde_json::from_value(sizes)?;
            let loaded: f64 = sizes.iter().map(|(_, bytes)| bytes).sum();
            if loaded > MOST_BYTES {
                note(format!("{loaded} bytes over the wire"));
            }
            // What a style sheet holds itself, as a `data:` address, comes from no host.
            let elsewhere = |name: &str| !name.starts_with(&server) && !name.starts_with("data:");
            for (name, _) in sizes.iter().filter(|(name, _)| elsewhere(name)) {
                note(format!("loads {name}"));
            }
            let links = browser
                .script(
                    "return [...document.querySelectorAll('section.run')].filter((run) => {
                       location.hash = run.id;
                       const top = run.getBoundingClientRect().top;
                       return top < -5 || top > innerHeight;
                     }).map((run) => run.id);",
                )
                .await?;
            if links != json!([]) {
                note(format!("deep links that lead elsewhere: {links}"));
            }
            browser
                .script("location.hash = ''; scrollTo(0, 0);")
                .await?;
            for finding in browser.accessibility().await? {
                note(format!("light: {finding}"));
            }
            browser.picture(&format!("{name}-light")).await?;

            // Loaded anew: the sidebar is open or not by the width that a page finds.
            browser.size(PHONE).await?;
            browser.client.goto("about:blank").await?;
            browser.client.goto(&url).await?;
            browser.until("document.readyState === 'complete'").await?;
            let wider = browser
                .number("document.documentElement.scrollWidth - innerWidth")
                .await?;
            if wider > 0.5 {
                note(format!("{wider} px wider than a phone"));
            }
            for finding in browser.accessibility().await? {
                note(format!("phone: {finding}"));
            }
            browser.picture(&format!("{name}-phone")).await?;

            browser.size(WINDOW).await?;
            browser.media("screen", "dark").await?;
            browser.client.goto(&url).await?;
            browser
                .until("document.readyState === 'complete' && document.documentElement.classList.contains('navy')")
                .await?;
            for finding in browser.accessibility().await? {
                note(format!("dark: {finding}"));
            }
            browser.picture(&format!("{name}-dark")).await?;
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(wrong.join("\n").into())
        }
    })
}

/// Light and navy are looked at on every page; here mdBook's other themes, on pages that have
/// all there is.
fn every_theme(driver: &str, built: &Path) -> Outcome {
    with_browser(driver, async |browser| {
        let server = file_server(built).await?;
        let mut wrong = Vec::new();
        for page in ["module-state", "data-sink", "notes-claims"] {
            for theme in ["rust", "coal", "ayu"] {
                browser
                    .client
                    .goto(&format!("{server}/{page}.html"))
                    .await?;
                browser
                    .script(&format!("localStorage.setItem('mdbook-theme', '{theme}');"))
                    .await?;
                browser.client.refresh().await?;
                browser
                    .until(&format!("document.querySelector('html.{theme}') && document.readyState === 'complete'"))
                    .await?;
                browser
                    .script("document.querySelectorAll('details.claims').forEach((fold) => { fold.open = true; });")
                    .await?;
                for problem in browser.accessibility().await? {
                    wrong.push(format!("{page}, {theme}: {problem}"));
                }
                browser.view(&format!("theme-{theme}-{page}")).await?;
            }
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(wrong.join("\n").into())
        }
    })
}

fn static_print(driver: &str, built: &Path) -> Outcome {
    let pages = chapters(built);
    with_browser(driver, async |browser| {
        let server = file_server(built).await?;
        for page in &pages {
            let name = page.trim_end_matches(".html");
            browser.client.goto(&format!("{server}/{page}")).await?;
            browser.until("document.readyState === 'complete'").await?;
            let runs = browser
                .number("document.querySelectorAll('section.run').length")
                .await?;
            let printed = browser
                .client
                .print(PrintConfigurationBuilder::default().build()?)
                .await?;
            if !printed.starts_with(b"%PDF") {
                return Err(format!("{page} does not print").into());
            }
            if let Some(folder) = env::var_os("SCREENSHOTS").map(PathBuf::from) {
                fs::create_dir_all(&folder)?;
                fs::write(folder.join(format!("{name}-print.pdf")), printed)?;
            }
            let off = json!({ "value": true });
            browser
                .cdp("Emulation.setScriptExecutionDisabled", off)
                .await?;
            browser.client.refresh().await?;
            let source = browser.client.source().await?;
            let on = json!({ "value": false });
            browser
                .cdp("Emulation.setScriptExecutionDisabled", on)
                .await?;
            if source.matches("<section class=\"run\"").count() as f64 != runs {
                let has = source.matches("<section class=\"run\"").count();
                return Err(format!("{page} without JavaScript has {has} of {runs} runs").into());
            }
            if runs > 0.0 && !source.contains("class=\"verdict\"") {
                return Err(format!("{page} without JavaScript lacks verdicts").into());
            }
        }
        Ok(())
    })
}

fn open_choice(driver: &str, built: &Path) -> Outcome {
    with_browser(driver, async |browser| {
        let server = file_server(built).await?;
        let page = format!("{server}/module-state.html");
        let off = json!({ "value": true });
        browser
            .cdp("Emulation.setScriptExecutionDisabled", off)
            .await?;
        // The focus begins where a link to the question leads.
        let question = "question-module-state-fork";
        browser.client.goto(&format!("{page}#{question}")).await?;
        let press = async |key: &str, code: u32, text: &str| {
            let down = json!({ "type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
            let up =
                json!({ "type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code });
            browser.cdp("Input.dispatchKeyEvent", down).await?;
            browser.cdp("Input.dispatchKeyEvent", up).await
        };
        let open = async || -> Result<Vec<bool>, Failed> {
            let source = browser.client.source().await?;
            let choice = format!("<details name=\"{question}\"");
            let choices = source.split(&choice).skip(1);
            Ok(choices.map(|rest| rest.starts_with(" open=\"\"")).collect())
        };
        let expect = |found: Vec<bool>, expected: [bool; 2]| -> Outcome {
            if found == expected {
                return Ok(());
            }
            Err(format!("open choices: {found:?}, expected {expected:?}").into())
        };
        expect(open().await?, [false, false])?;
        // Past its number, to the first choice.
        press("Tab", 9, "").await?;
        press("Tab", 9, "").await?;
        press("Enter", 13, "\r").await?;
        expect(open().await?, [true, false])?;
        // One choice at a time: past the link to the run, to the second.
        press("Tab", 9, "").await?;
        press("Tab", 9, "").await?;
        press("Enter", 13, "\r").await?;
        expect(open().await?, [false, true])?;
        let on = json!({ "value": false });
        browser
            .cdp("Emulation.setScriptExecutionDisabled", on)
            .await?;
        for colours in ["light", "dark"] {
            browser.media("screen", colours).await?;
            browser.client.goto(&page).await?;
            for nth in [0, 1] {
                browser
                    .script(&format!("document.querySelectorAll('.question').forEach((one) => one.querySelectorAll('details')[{nth}].open = true);"))
                    .await?;
                let wrong = browser.accessibility().await?;
                if !wrong.is_empty() {
                    return Err(format!("{colours}: {}", wrong.join("\n")).into());
                }
            }
        }
        browser.picture("question-dark").await
    })
}

fn copy_command(driver: &str, built: &Path) -> Outcome {
    with_browser(driver, async |browser| {
        let server = file_server(built).await?;
        browser
            .client
            .goto(&format!("{server}/module-state.html"))
            .await?;
        // mdBook copies through a library that selects and asks for `copy`: what it selects counts.
        browser
            .script(
                "window.copied = []; document.execCommand = () => { window.copied.push(String(getSelection()) || document.activeElement.value); return true; };
                 if (navigator.clipboard) navigator.clipboard.writeText = async (text) => { window.copied.push(text); };",
            )
            .await?;
        let button = "#run-module-state-fork .run-command .clip-button";
        browser
            .until(&format!("document.querySelector('{button}')"))
            .await?;
        // It is there while the pointer is over the command.
        browser
            .script(&format!("document.querySelector('{button}').click();"))
            .await?;
        browser.until("window.copied.length > 0").await?;
        let copied = browser.text("window.copied[0].trim()").await?;
        match copied.as_str() {
            "cargo run -- fork" => Ok(()),
            other => Err(format!("copied: {other:?}").into()),
        }
    })
}

/// A run on a page that the tool serves, where it can be made.
struct LiveRun<'b> {
    browser: &'b Browser,
    /// The run's section of the page, in JavaScript.
    section: String,
}

impl LiveRun<'_> {
    /// Opens the page, and waits until the run can be made there.
    async fn open<'b>(browser: &'b Browser, page: &str, name: &str) -> Result<LiveRun<'b>, Failed> {
        browser.client.goto(page).await?;
        let section = format!("document.querySelector('section.run[data-run=\"{name}\"]')");
        let run = LiveRun { browser, section };
        run.until(".live-run").await?;
        Ok(run)
    }

    /// The first part of the section that a selector finds, in JavaScript.
    fn part(&self, selector: &str) -> String {
        format!("{}.querySelector('{selector}')", self.section)
    }

    /// Waits until the section has such a part.
    async fn until(&self, selector: &str) -> Outcome {
        self.browser.until(&self.part(selector)).await
    }

    async fn press(&self, button: &str) -> Outcome {
        let press = format!("{}.click();", self.part(button));
        self.browser.script(&press).await?;
        Ok(())
    }

    async fn text(&self, selector: &str) -> Result<String, Failed> {
        let text = format!("{}.textContent", self.part(selector));
        self.browser.text(&text).await
    }

    async fn count(&self, selector: &str) -> Result<f64, Failed> {
        let count = format!("{}.querySelectorAll('{selector}').length", self.section);
        self.browser.number(&count).await
    }

    /// Waits until the status says it.
    async fn says(&self, words: &str) -> Outcome {
        let status = self.part(".live-status");
        let says = format!("{status}.textContent.includes('{words}')");
        if self.browser.until(&says).await.is_err() {
            let status = self.text(".live-status").await?;
            return Err(format!("the status says: {status}").into());
        }
        Ok(())
    }
}

fn live_run(driver: &str, _: &Path) -> Outcome {
    let (_server, url) = serve(root(), None)?;
    with_browser(driver, async |browser| {
        let page = format!("{url}/data-sink.html#run-data-sink-fork-8");
        let run = LiveRun::open(&browser, &page, "data-sink/fork-8").await?;
        // Seen from inside the page: was there a line while the run went on?
        browser
            .script(&format!(
                "const run = {}; window.early = false;
                 new MutationObserver(() => {{
                   if (run.querySelector('.live .line') && run.querySelector('.live-status').textContent.startsWith('Running')) window.early = true;
                 }}).observe(run, {{ childList: true, subtree: true, characterData: true }});",
                run.section
            ))
            .await?;
        run.press(".live-run").await?;
        run.until(".live-verdict").await?;
        run.until(".live-run:not(:disabled)").await?;
        browser.until("window.early").await?;
        run.says("agrees with its record").await?;
        let (lines, recorded) = (
            run.count(".live .line").await?,
            run.count(".recorded .line").await?,
        );
        if lines < recorded - 1.0 {
            return Err(format!("{lines} lines live, {recorded} recorded").into());
        }
        run.until(".live-picture svg").await?;
        let mut wrong = browser.errors().await?;
        wrong.extend(browser.accessibility().await?);
        if !wrong.is_empty() {
            return Err(wrong.join("\n").into());
        }
        browser.picture("live-light").await?;
        browser.size(PHONE).await?;
        let wider = browser
            .number("document.documentElement.scrollWidth - innerWidth")
            .await?;
        if wider > 0.5 {
            return Err(format!("{wider} px wider than a phone").into());
        }
        browser.picture("live-phone").await?;
        Ok(())
    })
}

/// Every address that the page has asked for.
const ASKED: &str = "performance.getEntriesByType('resource').map((one) => one.name).join('\\n')";

fn play_record(driver: &str, built: &Path) -> Outcome {
    with_browser(driver, async |browser| {
        // Below a path, as a site of several books has it.
        let site = tempfile::tempdir()?;
        std::os::unix::fs::symlink(built, site.path().join("books"))?;
        let server = file_server(site.path()).await?;
        let url = format!("{server}/books/module-state.html");
        browser.client.goto(&url).await?;
        browser.until("document.readyState === 'complete'").await?;
        let asked = browser.text(ASKED).await?;
        if asked.contains("asciinema") || asked.contains(".cast") {
            return Err(format!("before a click: {asked}").into());
        }
        let run = "document.querySelector('section.run[data-run=\"module-state/fork\"]')";
        let lines =
            format!("[...{run}.querySelectorAll('.ap-line')].map((line) => line.textContent)");
        // By keyboard.
        browser
            .script(&format!("{run}.querySelector('.play').focus();"))
            .await?;
        let key = async |key: &str, code: u32, text: &str| {
            let pressed = json!({ "type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
            browser.cdp("Input.dispatchKeyEvent", pressed).await
        };
        key("Enter", 13, "\r").await?;
        browser
            .until(&format!("{lines}[0]?.includes('[MODULE SCOPE] List(id:')"))
            .await?;
        browser
            .until(&format!(
                "{lines}.some((line) => line.includes('finally:'))"
            ))
            .await?;
        browser.view("record-played").await?;
        let mut wrong = browser.accessibility().await?;
        // An arrow is the player's: it does not turn the page.
        browser
            .script(&format!("{run}.querySelector('.ap-wrapper').focus();"))
            .await?;
        key("ArrowRight", 39, "").await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        if browser.client.current_url().await?.as_str() != url {
            wrong.push("an arrow that the player should have has turned the page".to_owned());
        }
        for name in browser.text(ASKED).await?.lines() {
            if !name.starts_with(&server) && !name.starts_with("data:") {
                wrong.push(format!("asked for {name}"));
            }
        }
        browser.media("screen", "dark").await?;
        browser.client.goto(&url).await?;
        browser
            .script(&format!("{run}.querySelector('.play').click();"))
            .await?;
        browser.until(&format!("{lines}[0]")).await?;
        wrong.extend(browser.accessibility().await?);
        browser.view("record-played-dark").await?;
        // Closed, its lines are there again.
        browser
            .script(&format!("{run}.querySelector('.play').click();"))
            .await?;
        browser
            .until(&format!("!{run}.querySelector('.player') && {run}.querySelector('.recorded pre').offsetHeight > 0"))
            .await?;
        wrong.extend(browser.errors().await?);
        // At rest for whom motion disturbs: the end of the output, until it is played.
        let still =
            json!({ "features": [{ "name": "prefers-reduced-motion", "value": "reduce" }] });
        browser.cdp("Emulation.setEmulatedMedia", still).await?;
        browser
            .script(&format!("{run}.querySelector('.play').click();"))
            .await?;
        browser
            .until(&format!("{run}.querySelector('.ap-overlay-start') && {lines}.some((line) => line.includes('finally:'))"))
            .await?;
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(wrong.join("\n").into())
        }
    })
}

fn live_stop(driver: &str, _: &Path) -> Outcome {
    let (server, url) = serve(root(), None)?;
    with_browser(driver, async |browser| {
        let page = format!("{url}/time-and-memory.html");
        let begin = async || -> Result<LiveRun, Failed> {
            let run = LiveRun::open(&browser, &page, "time-and-memory/time").await?;
            run.press(".live-run").await?;
            run.until(".live .line").await?;
            match processes_of_runs().len() {
                0 => Err("a line came, and no process is there".into()),
                _ => Ok(run),
            }
        };
        let run = begin().await?;
        run.press(".live-stop").await?;
        run.says("Stopped.").await?;
        no_process_is_left()?;

        begin().await?;
        browser.client.goto("about:blank").await?;
        no_process_is_left()?;

        begin().await?;
        // As a service manager ends it.
        drop(server);
        if processes_of_runs().is_empty() {
            Ok(())
        } else {
            Err(format!("left by the server: {:?}", processes_of_runs()).into())
        }
    })
}

fn live_keyboard(driver: &str, _: &Path) -> Outcome {
    let (_server, url) = serve(root(), None)?;
    with_browser(driver, async |browser| {
        let name = "logging/fork-separate-initializer";
        let run = LiveRun::open(&browser, &format!("{url}/logging.html"), name).await?;
        // From the run's own link, which a deep link focuses, to its button.
        let focus = format!("{}.focus();", run.part(".run-name"));
        browser.script(&focus).await?;
        let tab =
            json!({ "type": "keyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9 });
        for _ in 0..8 {
            browser.cdp("Input.dispatchKeyEvent", tab.clone()).await?;
            if browser
                .script("return document.activeElement.className;")
                .await?
                == json!("live-run")
            {
                break;
            }
        }
        let ring = browser
            .text("getComputedStyle(document.activeElement).outlineStyle")
            .await?;
        let label = browser
            .text("document.activeElement.getAttribute('aria-label')")
            .await?;
        if ring == "none" || label != format!("Run {name}") {
            return Err(format!("focus on {label:?} with outline {ring}").into());
        }
        let enter = json!({ "type": "keyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r" });
        browser.cdp("Input.dispatchKeyEvent", enter).await?;
        // Run takes no focus while the run goes on: the focus is on Stop.
        browser
            .until("['live-stop', 'live-run'].includes(document.activeElement.className)")
            .await?;
        run.until(".live-verdict.holds").await?;
        run.until(".live-run:not(:disabled)").await?;
        browser
            .until("document.activeElement.className === 'live-run'")
            .await?;
        let command = run.text(".live .about code").await?;
        if !command.starts_with("cargo run -- ") {
            return Err(format!("the command is {command:?}").into());
        }
        run.until(".live-sizes[hidden]").await
    })
}

/// A copy of the book that a test may change, built where the book itself is.
fn copy_of_the_book() -> Result<tempfile::TempDir, Failed> {
    let copy = tempfile::tempdir()?;
    let files = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root())
        .output()?;
    for file in String::from_utf8(files.stdout)?
        .split('\0')
        .filter(|file| !file.is_empty())
    {
        let (from, to) = (root().join(file), copy.path().join(file));
        if let Some(folder) = to.parent().filter(|_| from.is_file()) {
            fs::create_dir_all(folder)?;
            fs::copy(from, to)?;
        }
    }
    Ok(copy)
}

fn live_difference(driver: &str, _: &Path) -> Outcome {
    let copy = copy_of_the_book()?;
    let source = copy.path().join("listings/module-state/src/lib.rs");
    let text = fs::read_to_string(&source)?;
    let changed = text.replace("[MODULE SCOPE]", "[THE TOP]");
    assert_ne!(text, changed, "the listing still prints that line");
    fs::write(&source, changed)?;
    let (_server, url) = serve(copy.path(), None)?;
    with_browser(driver, async |browser| {
        let page = format!("{url}/module-state.html");
        let run = LiveRun::open(&browser, &page, "module-state/fork").await?;
        if run.count(".stale").await? != 1.0 {
            return Err("the record is not called stale".into());
        }
        run.press(".live-run").await?;
        run.until(".live .line.differs").await?;
        let live = run.text(".live .line.differs").await?;
        let recorded = run.text(".recorded .line.differs").await?;
        // A claim that comes out other than the book says opens what folds it.
        run.until("details.claims[open]").await?;
        let tally = run.text(".live-tally").await?;
        if !tally.contains("other than the book says") {
            return Err(format!("the tally says {tally:?}").into());
        }
        browser.picture("live-differs").await?;
        match (
            live.contains("[THE TOP]"),
            recorded.contains("[MODULE SCOPE]"),
        ) {
            (true, true) => Ok(()),
            _ => Err(format!("live {live:?}, recorded {recorded:?}").into()),
        }
    })
}

/// How long a page may take to load.
const LOAD: Duration = Duration::from_secs(20);

fn hidden_tabs(driver: &str, built: &Path) -> Outcome {
    let (_server, url) = serve(root(), None)?;
    let pages = chapters(built);
    with_browser(driver, async |browser| {
        let client = &browser.client;
        let limits = TimeoutConfiguration::new(None, Some(LOAD), None);
        client.update_timeouts(limits).await?;
        client.goto(&format!("{url}/{}", pages[0])).await?;
        let front = client.window().await?;
        for page in &pages[1..9] {
            let hidden = client.new_window(false).await?.handle;
            client.switch_to_window(hidden).await?;
            client.minimize_window().await?;
            browser.until("document.hidden").await?;
            // It waits for the end of the load.
            let loaded = client.goto(&format!("{url}/{page}")).await;
            loaded.map_err(|error| format!("{page}: {error}"))?;
        }
        // Where one of them waits for a connection, so does the page in front.
        client.switch_to_window(front).await?;
        browser
            .script("fetch('/index.html').then((answer) => { window.answer = answer.status; });")
            .await?;
        browser.until("window.answer === 200").await
    })
}

fn foreign_frame(driver: &str, _: &Path) -> Outcome {
    let book = small_book("fn main() {}", &[("one", "")])?;
    let (_server, url) = serve(book.path(), None)?;
    let foreign = tempfile::tempdir()?;
    let page =
        format!("<!DOCTYPE html><title>Foreign</title><iframe src='{url}/one.html'></iframe>");
    fs::write(foreign.path().join("index.html"), page)?;
    with_browser(driver, async |browser| {
        let server = file_server(foreign.path()).await?;
        browser.client.goto(&format!("{server}/index.html")).await?;
        browser.until("document.readyState === 'complete'").await?;
        browser.client.enter_frame(0).await?;
        let shown = browser.text("document.body?.innerHTML ?? ''").await?;
        if shown.contains("live-run") {
            return Err("a foreign page shows the book, and its Run".into());
        }
        // The book's own sidebar is a frame where there is no JavaScript.
        browser.client.goto(&format!("{url}/one.html")).await?;
        browser
            .script("const frame = document.createElement('iframe'); frame.src = 'toc.html'; document.body.append(frame);")
            .await?;
        browser
            .until("document.querySelector('body > iframe').contentDocument?.querySelector('a[href=\"one.html\"]')")
            .await
    })
}

/// Prints what its argument says, without end or 50 MB of it.
const HOSTILE: &str = r#"
use std::io::Write;

fn main() {
    let piece = match &*std::env::args().nth(1).unwrap() {
        "no-newline" => "x".repeat(1000),
        "lines" => "a line that goes on and on\n".repeat(40),
        "newlines" => "\n".repeat(1000),
        "colours" => "\x1b[31mr\x1b[32mg\x1b[34mb".repeat(55),
        "colour-lines" => "\x1b[31mr\x1b[32mg\x1b[34mb\n".repeat(50),
        other => panic!("{other}"),
    };
    println!("under way");
    let mut out = std::io::stdout().lock();
    for _ in 0..50_000 {
        out.write_all(piece.as_bytes()).unwrap();
    }
}
"#;

/// The most memory that a process has had, in MiB (proc_pid_status(5)).
fn peak_mib(server: &Ended) -> Result<u64, Failed> {
    let status = fs::read_to_string(format!("/proc/{}/status", server.0.id()))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<u64>().ok());
    Ok(kib.ok_or("no VmHWM")? >> 10)
}

fn endless_output(driver: &str, _: &Path) -> Outcome {
    let kinds = ["no-newline", "lines", "newlines", "colours", "colour-lines"];
    let arguments = kinds.map(|kind| format!("'{kind}'"));
    let runs: Vec<(&str, &str)> = kinds
        .iter()
        .zip(&arguments)
        .map(|(kind, argument)| (*kind, argument.as_str()))
        .collect();
    let book = small_book(HOSTILE, &runs)?;
    let (server, url) = serve(book.path(), None)?;
    with_browser(driver, async |browser| {
        let mut wrong = Vec::new();
        for kind in kinds {
            let name = format!("demo/{kind}");
            let run = LiveRun::open(&browser, &format!("{url}/one.html"), &name).await?;
            // How late a timer is: for so long the page answers to nothing.
            browser
                .script(
                    "window.worst = 0; let last = performance.now();
                     setInterval(() => {
                       const now = performance.now();
                       window.worst = Math.max(window.worst, now - last - 10);
                       last = now;
                     }, 10);",
                )
                .await?;
            run.press(".live-run").await?;
            run.until(".live-run:disabled").await?;
            run.until(".live-run:not(:disabled)").await?;
            let late = browser.number("window.worst").await?;
            let says = run.text(".live-status").await?;
            let nodes = run.count(".live pre *").await?;
            let peak = peak_mib(&server)?;
            println!("{kind}: {late:.0} ms late, {nodes} nodes, {peak} MiB: {says}");
            let omitted = run.part(".live .omitted, .live .cut");
            browser
                .script(&format!(
                    "{omitted}?.scrollIntoView({{ block: 'center' }});"
                ))
                .await?;
            browser.view(&format!("hostile-{kind}")).await?;
            if late > 200.0 {
                wrong.push(format!("{kind}: the page answered {late:.0} ms late"));
            }
            if peak > 200 {
                wrong.push(format!("{kind}: the server had {peak} MiB"));
            }
            if !says.contains("printed more than") {
                wrong.push(format!("{kind}: the status says {says:?}"));
            }
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(wrong.join("\n").into())
        }
    })
}

fn compile_error(driver: &str, _: &Path) -> Outcome {
    let program = "fn main() {\n    let greeting: u32 = \"hello\";\n}\n";
    let book = small_book(program, &[("one", "")])?;
    let (_server, url) = serve(book.path(), None)?;
    with_browser(driver, async |browser| {
        let run = LiveRun::open(&browser, &format!("{url}/one.html"), "demo/one").await?;
        run.press(".live-run").await?;
        run.says("cannot build demo: mismatched types (src/main.rs:2)")
            .await?;
        let said = run.text(".live pre").await?;
        // What changes nothing on the page, as Cargo.lock does, which cargo writes at the start,
        // reloads no page: what was run there stays.
        let lock = book.path().join("listings/demo/Cargo.lock");
        fs::write(&lock, fs::read_to_string(&lock)? + "\n")?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        run.says("cannot build demo").await?;
        browser.picture("live-compile-error").await?;
        if said.contains("error[E0308]") && said.contains("let greeting: u32") {
            Ok(())
        } else {
            Err(format!("the column says {said:?}").into())
        }
    })
}

fn broken_save(driver: &str, _: &Path) -> Outcome {
    let book = small_book("fn main() {}", &[("one", "")])?;
    let chapter = book.path().join("src/one.md");
    let text = fs::read_to_string(&chapter)?;
    let text = format!("{text}\n<details class=\"own\"><summary>More</summary>Text.</details>\n");
    fs::write(&chapter, &text)?;
    let (_server, url) = serve(book.path(), None)?;
    with_browser(driver, async |browser| {
        browser.client.goto(&format!("{url}/one.html")).await?;
        browser
            .script("document.querySelector('details.own').open = true;")
            .await?;
        fs::write(&chapter, format!("{text}\n{{{{#run demo/gone}}}}\n"))?;
        browser
            .until("document.querySelector('.book-broken')?.textContent.includes('src/one.md:')")
            .await?;
        browser.view("save-does-not-build").await?;
        // A page that is opened now says so too.
        browser.client.refresh().await?;
        browser
            .until("document.querySelector('.book-broken')")
            .await?;
        browser
            .script("document.querySelector('details.own').open = true; window.old = true;")
            .await?;
        fs::write(&chapter, format!("{text}\nRepaired.\n"))?;
        browser
            .until(
                "!window.old && document.querySelector('main')?.textContent.includes('Repaired.')",
            )
            .await?;
        browser.until("!document.querySelector('.book-broken') && document.querySelector('details.own').open").await
    })
}

fn live_phone(driver: &str, _: &Path) -> Outcome {
    let (_server, url) = serve(root(), None)?;
    with_browser(driver, async |browser| {
        let page = format!("{url}/data-sink.html");
        browser.client.goto(&page).await?;
        browser.size(PHONE).await?;
        let run = LiveRun::open(&browser, &page, "data-sink/fork-inherit").await?;
        let top = format!("{}.scrollIntoView();", run.section);
        browser.script(&top).await?;
        run.press(".live-run").await?;
        run.until(".live .line").await?;
        let rect = format!("{}.getBoundingClientRect()", run.part("figure.live"));
        browser
            .until(&format!("{rect}.top < innerHeight && {rect}.bottom > 0"))
            .await?;
        run.until(".live-verdict").await?;
        browser.view("live-phone-revealed").await
    })
}
