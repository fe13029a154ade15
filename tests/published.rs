//! The book as a plain file server publishes it, in a browser: below any path, with what others
//! link to, and with a search that answers.

use std::path::Path;

use serde_json::json;

use super::server::{Outcome, serve};
use super::{PHONE, WINDOW, file_server_below, with_browser};

/// What a search for a word is to find first: the section that explains it, or shows it best.
const SEARCHED: [(&str, &str); 4] = [
    ("copy-on-write", "start-method-table.html#copy-on-write"),
    ("zombie", "when-a-worker-dies.html#orphans-and-zombies"),
    ("SIGPIPE", "start-method-table.html#signals"),
    ("close-on-exec", "process-memory.html#descriptors"),
];

/// The addresses that a search shows, from the book's root, the best first.
const FOUND: &str = "return [...document.querySelectorAll('#mdbook-searchresults a')].map((one) =>
    `${one.pathname.split('/').pop()}${one.hash}`);";

pub(crate) fn search(driver: &str, built: &Path) -> Outcome {
    with_browser(driver, async |browser| {
        let published = file_server_below(built, "/book").await?;
        let (_server, served) = serve(super::root(), None)?;
        let mut wrong = Vec::new();
        for server in [published, served] {
            for (word, expected) in SEARCHED {
                browser.client.goto("about:blank").await?;
                let url = format!("{server}/introduction.html?search={word}");
                browser.client.goto(&url).await?;
                browser
                    .until("document.querySelector('#mdbook-searchresults a')")
                    .await?;
                let found = browser.script(FOUND).await?;
                if found[0] != json!(expected) {
                    wrong.push(format!(
                        "{word} finds {} first, expected {expected}",
                        found[0]
                    ));
                }
            }
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(wrong.join("\n").into())
        }
    })
}

pub(crate) fn not_found(driver: &str, built: &Path) -> Outcome {
    with_browser(driver, async |browser| {
        for below in ["", "/book", "/a/b"] {
            let server = file_server_below(built, below).await?;
            for missing in ["none.html", "no/such/page.html"] {
                browser.client.goto(&format!("{server}/{missing}")).await?;
                // The style, the contents and the text of the book's own page.
                browser
                    .until(
                        "document.querySelectorAll('#mdbook-sidebar a').length > 20
                         && getComputedStyle(document.querySelector('main h1')).fontFamily.includes('Open Sans')",
                    )
                    .await?;
                let errors = browser.errors().await?;
                let other: Vec<&String> = errors
                    .iter()
                    .filter(|error| !error.contains(missing) && !error.contains("404-page.html"))
                    .collect();
                if !other.is_empty() {
                    return Err(format!("{server}/{missing}: {other:?}").into());
                }
                browser
                    .script("document.querySelector('#mdbook-sidebar a[href*=\"start-methods\"]').click();")
                    .await?;
                browser
                    .until(&format!(
                        "location.href.startsWith('{server}/start-methods.html') && document.querySelector('section.run')"
                    ))
                    .await?;
            }
            browser
                .picture(&format!("not-found{}", below.replace('/', "-")))
                .await?;
        }
        // The tool's own server shows the same page.
        let (_server, served) = serve(super::root(), None)?;
        browser
            .client
            .goto(&format!("{served}/no/such.html"))
            .await?;
        browser
            .until("document.querySelectorAll('#mdbook-sidebar a').length > 20")
            .await?;
        let errors = browser.errors().await?;
        match errors.iter().find(|error| !error.contains("404")) {
            None => Ok(()),
            Some(error) => Err(error.clone().into()),
        }
    })
}

/// A link into a page, and what in JavaScript it has to lead to.
const LINKS: [(&str, &str); 6] = [
    (
        "run-module-state-fork",
        "document.getElementById('run-module-state-fork')",
    ),
    (
        "run-module-state-fork-L3",
        "document.querySelectorAll('#run-module-state-fork .recorded .line')[2]",
    ),
    // Folded among its like.
    (
        "run-module-state-spawn-fixed-addresses-L2",
        "document.querySelectorAll('#run-module-state-spawn-fixed-addresses .recorded .line')[1]",
    ),
    (
        "run-module-state-fork--list-has-the-same-id-for-any-process",
        "document.querySelector('#run-module-state-fork ul.claims > li')",
    ),
    // An excerpt, and a file that is folded.
    (
        "listing-module-state-src-main-rs-main-L9",
        "document.querySelector('#listing-module-state-src-main-rs-main .line-mark')",
    ),
    (
        "listing-module-state-src-main-rs-L12",
        "document.querySelector('#listing-module-state-src-main-rs .line-mark')",
    ),
];

pub(crate) fn deep_links(driver: &str, built: &Path) -> Outcome {
    with_browser(driver, async |browser| {
        let server = file_server_below(built, "/book").await?;
        let page = format!("{server}/module-state.html");
        for (id, target) in LINKS {
            for (name, window) in [("desktop", WINDOW), ("phone", PHONE)] {
                browser.size(window).await?;
                browser.client.goto("about:blank").await?;
                browser.client.goto(&format!("{page}#{id}")).await?;
                // In sight, where no fold hides it, and marked.
                let seen = format!(
                    "document.readyState === 'complete' && ((target) => {{
                       const box = target?.getBoundingClientRect();
                       return target?.checkVisibility() && box.height > 0
                         && box.top > 40 && box.top < innerHeight - 20
                         && (target.matches('section') || getComputedStyle(target).backgroundColor !== 'rgba(0, 0, 0, 0)');
                     }})({target})"
                );
                if browser.until(&seen).await.is_err() {
                    return Err(format!("#{id} is not in sight on a {name}").into());
                }
            }
        }
        // The same on a page that is open already.
        browser.size(WINDOW).await?;
        browser.client.goto(&page).await?;
        browser
            .script("location.hash = 'listing-module-state-src-main-rs-L12';")
            .await?;
        browser
            .until("document.querySelector('#listing-module-state-src-main-rs .line-mark')?.checkVisibility()")
            .await?;
        // And its text is the line that the file has there.
        let line = browser
            .text(
                "((mark, code) => {
                   const lines = code.textContent.split('\\n');
                   let left = lines.slice(0, 11).join('\\n').length + 2;
                   const texts = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
                   while (texts.nextNode() && left >= texts.currentNode.length) left -= texts.currentNode.length;
                   const range = document.createRange();
                   range.setStart(texts.currentNode, left);
                   range.setEnd(texts.currentNode, left + 1);
                   const off = Math.abs(range.getBoundingClientRect().top - mark.getBoundingClientRect().top);
                   return off < 6 ? lines[11].trim() : `nothing: it is ${off} px away`;
                 })(document.querySelector('.line-mark'), document.querySelector('#listing-module-state-src-main-rs pre code'))",
            )
            .await?;
        let file = super::root().join("listings/module-state/src/main.rs");
        let file = std::fs::read_to_string(file)?;
        let shown = file.lines().filter(|line| !line.contains("// ANCHOR"));
        let expected = shown.map(str::trim).nth(11).unwrap_or_default();
        if line != expected {
            return Err(format!("line 12 is marked at {line:?}, expected {expected:?}").into());
        }
        for link in [
            "#run-module-state-fork .recorded .line",
            "figure.listing:not(:has(details)) pre > code",
        ] {
            let hovered = format!(
                "const on = document.querySelector({link:?});
                 on.scrollIntoView({{ block: 'center' }});
                 const {{ left, top }} = on.getBoundingClientRect();
                 const where = {{ bubbles: true, clientX: left + 30, clientY: top + 15 }};
                 on.dispatchEvent(new PointerEvent('pointerover', where));
                 on.dispatchEvent(new PointerEvent('pointermove', where));
                 return document.querySelector('a.line-link')?.getAttribute('href');"
            );
            let href = browser.script(&hovered).await?;
            if !href.as_str().is_some_and(|href| href.ends_with("-L1")) {
                return Err(format!("no link to the first line of {link}: {href}").into());
            }
        }
        Ok(())
    })
}

pub(crate) fn without_scripts(driver: &str, built: &Path) -> Outcome {
    with_browser(driver, async |browser| {
        let server = file_server_below(built, "/book").await?;
        let off = |value: bool| json!({ "value": value });
        let script = "Emulation.setScriptExecutionDisabled";
        browser.cdp(script, off(true)).await?;
        for (id, target) in [
            (
                "listing-module-state-src-main-rs-main-L9",
                "listing-module-state-src-main-rs-main",
            ),
            ("run-module-state-fork-L3", "run-module-state-fork"),
        ] {
            browser.client.goto("about:blank").await?;
            browser
                .client
                .goto(&format!("{server}/module-state.html#{id}"))
                .await?;
            // The page has no script, and its tree is asked from outside.
            let document = browser.cdp("DOM.getDocument", json!({})).await?;
            let root = &document["root"]["nodeId"];
            let selector = json!({ "nodeId": root, "selector": format!("[id='{target}']") });
            let node = browser.cdp("DOM.querySelector", selector).await?;
            let node = json!({ "nodeId": node["nodeId"] });
            let model = browser.cdp("DOM.getBoxModel", node).await?;
            let top = model["model"]["border"][1].as_f64().unwrap_or(f64::MAX);
            if !(-200.0..f64::from(WINDOW.1)).contains(&top) {
                return Err(format!("#{id} without scripts: its block is at {top} px").into());
            }
        }
        browser.cdp(script, off(false)).await?;
        Ok(())
    })
}

pub(crate) fn claim_by_keyboard(driver: &str, built: &Path) -> Outcome {
    with_browser(driver, async |browser| {
        let server = file_server_below(built, "/book").await?;
        browser
            .client
            .goto(&format!("{server}/module-state.html"))
            .await?;
        browser
            .script(
                "const fold = document.querySelector('#run-module-state-fork details.claims');
                 fold.open = true;
                 fold.querySelector('summary').focus();",
            )
            .await?;
        let tab =
            json!({ "type": "keyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9 });
        browser.cdp("Input.dispatchKeyEvent", tab).await?;
        browser
            .until("document.activeElement.matches('a.claim-link') && getComputedStyle(document.activeElement).opacity === '1'")
            .await?;
        let enter = json!({ "type": "keyDown", "key": "Enter", "code": "Enter", "text": "\r", "windowsVirtualKeyCode": 13 });
        browser.cdp("Input.dispatchKeyEvent", enter).await?;
        browser
            .until("document.querySelector('#run-module-state-fork ul.claims > li').matches(':target')")
            .await?;
        let hidden = browser
            .script(
                "return [...document.querySelectorAll('#run-module-state-fork .claim-link')].map((link) => getComputedStyle(link).opacity);",
            )
            .await?;
        let shown = hidden
            .as_array()
            .map_or(0, |all| all.iter().filter(|one| **one == "1").count());
        match shown {
            1 => Ok(()),
            other => Err(format!("{other} links are in sight, expected that of the claim").into()),
        }
    })
}

pub(crate) fn opened_folds(driver: &str, built: &Path) -> Outcome {
    with_browser(driver, async |browser| {
        let server = file_server_below(built, "/book").await?;
        for (colours, window) in [("light", WINDOW), ("dark", WINDOW), ("light", PHONE)] {
            browser.size(window).await?;
            browser.media("screen", colours).await?;
            browser.client.goto("about:blank").await?;
            browser
                .client
                .goto(&format!(
                    "{server}/module-state.html#listing-module-state-src-main-rs-L12"
                ))
                .await?;
            browser
                .until("document.querySelector('.line-mark')")
                .await?;
            browser
                .script(
                    "document.querySelectorAll('details').forEach((fold) => { fold.open = true; });
                     document.querySelector('.run-column.recorded .line[id]')
                       .dispatchEvent(new PointerEvent('pointerover', { bubbles: true }));",
                )
                .await?;
            browser
                .until("document.querySelector('.line-link')")
                .await?;
            let found = browser.accessibility().await?;
            if !found.is_empty() {
                return Err(format!("{colours}: {}", found.join("\n")).into());
            }
            let wider = browser
                .number("document.documentElement.scrollWidth - innerWidth")
                .await?;
            if wider > 0.5 {
                return Err(format!("{wider} px wider than the window").into());
            }
        }
        Ok(())
    })
}
