//! What a page does for those who teach from it: the projector, the notes, the handout.

use std::path::Path;
use std::time::Duration;

use libtest_mimic::Failed;
use serde_json::json;

use super::server::Outcome;
use super::{file_server, with_browser};

/// The sections that the page shows, by their headings.
const SHOWN: &str = "[...document.querySelectorAll('main > :is(h1, h2)')].filter((one) => one.offsetHeight > 0).map((one) => one.id).join(' ')";

pub fn projector(driver: &str, built: &Path) -> Outcome {
    with_browser(driver, async |browser| {
        let server = file_server(built).await?;
        let url = format!("{server}/module-state.html");
        browser.client.goto(&url).await?;
        browser.until("document.readyState === 'complete'").await?;
        let whole = browser.text(SHOWN).await?;
        browser.press("p").await?;
        let shows = async |wanted: &str| {
            browser.until(&format!("{SHOWN} === '{wanted}'")).await?;
            browser
                .until("document.querySelector('.projector-bar')")
                .await
        };
        shows("module-state").await?;
        browser.press("ArrowRight").await?;
        browser.press("ArrowRight").await?;
        shows("fork").await?;
        let large = browser.number("parseFloat(getComputedStyle(document.querySelector('main > p:not(.off-stage)')).fontSize)").await?;
        if large < 20.0 {
            return Err(format!("a letter of {large} px on the wall").into());
        }
        let mut wrong = Vec::new();
        for colours in ["light", "dark"] {
            browser.media("screen", colours).await?;
            // It is remembered, and so is the section.
            browser.client.refresh().await?;
            shows("fork").await?;
            for problem in browser.accessibility().await? {
                wrong.push(format!("{colours}: {problem}"));
            }
            browser.view(&format!("projector-{colours}")).await?;
        }
        browser.press("ArrowLeft").await?;
        shows("predict").await?;
        // Past the last section comes the next chapter, and it is projected, too.
        browser.client.goto(&format!("{url}#sources")).await?;
        browser.until("document.readyState === 'complete'").await?;
        browser.client.refresh().await?;
        shows("sources").await?;
        browser.press("ArrowRight").await?;
        browser
            .until("location.pathname.endsWith('/logging.html')")
            .await?;
        shows("logging-whose-handler").await?;
        browser.press("Escape").await?;
        browser.client.goto(&url).await?;
        browser.until(&format!("{SHOWN} === '{whole}'")).await?;
        browser.client.goto(&format!("{url}?projector")).await?;
        shows("module-state").await?;
        wrong.extend(browser.errors().await?);
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(wrong.join("\n").into())
        }
    })
}

pub fn notes_window(driver: &str, built: &Path) -> Outcome {
    with_browser(driver, async |browser| {
        let server = file_server(built).await?;
        browser
            .client
            .goto(&format!("{server}/module-state.html"))
            .await?;
        browser.until("document.readyState === 'complete'").await?;
        let lesson = browser.client.window().await?;
        browser.press("n").await?;
        let windows = browser.client.windows().await?;
        let notes = windows.into_iter().find(|one| *one != lesson);
        let notes = notes.ok_or("no second window")?;
        let says = async |heading: &str, words: &str| {
            browser.client.switch_to_window(notes.clone()).await?;
            browser
                .until(&format!(
                    "document.querySelector('.notes-view h2')?.textContent === {}",
                    json!(heading)
                ))
                .await?;
            let text = browser
                .text("document.querySelector('.notes-view').innerText")
                .await?;
            if text.contains(words) {
                Ok(())
            } else {
                Err(Failed::from(format!("at {heading}: {text:?}")))
            }
        };
        says("Before the first section", "Section 1 of").await?;
        // The notes lead.
        for _ in 0..3 {
            browser.press("ArrowRight").await?;
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        says("Whose page is it?", "module-state/fork-pages").await?;
        says("Whose page is it?", "6 minutes; by its end 16 of 40").await?;
        let wrong = browser.accessibility().await?;
        if !wrong.is_empty() {
            return Err(wrong.join("\n").into());
        }
        browser.view("notes-window").await?;
        browser.client.switch_to_window(lesson.clone()).await?;
        browser
            .until("Math.abs(document.getElementById('whose-page-is-it').getBoundingClientRect().top) < 100")
            .await?;
        // And they follow, to another section and to another chapter.
        browser
            .script("document.getElementById('spawn').scrollIntoView();")
            .await?;
        says("Spawn", "3 minutes").await?;
        browser.client.switch_to_window(lesson).await?;
        browser
            .client
            .goto(&format!("{server}/logging.html"))
            .await?;
        browser.client.switch_to_window(notes.clone()).await?;
        browser
            .until("location.pathname.endsWith('/logging.html')")
            .await?;
        says("Before the first section", "Logging: whose handler?").await
    })
}

pub fn handout(driver: &str, built: &Path) -> Outcome {
    with_browser(driver, async |browser| {
        let server = file_server(built).await?;
        let url = format!("{server}/module-state.html");
        // What the paper shows of solutions and notes, and how many places there are to write.
        let seen = "['details.instructor', 'details:has(> summary)'].map((of) => [...document.querySelectorAll(`main ${of}`)]
            .filter((one) => one.matches('.instructor') || one.querySelector('summary').textContent === 'A solution')
            .filter((one) => one.offsetHeight > 0).length).concat(document.querySelectorAll('main .write').length).join(' ')";
        browser.client.goto(&url).await?;
        browser.until("document.readyState === 'complete'").await?;
        browser.media("print", "light").await?;
        let teachers = browser.text(seen).await?;
        browser.client.goto(&format!("{url}?handout")).await?;
        browser.until("document.querySelector('.write')").await?;
        let handed_out = browser.text(seen).await?;
        if (&*teachers, &*handed_out) != ("1 4 0", "0 0 4") {
            return Err(format!("the teacher's has {teachers}, the handout {handed_out}").into());
        }
        browser.media("screen", "light").await?;
        // By the menu: `print` comes back once the paper is there.
        browser.client.goto(&url).await?;
        browser.until("document.querySelector('.teach')").await?;
        browser
            .script("window.print = () => { window.printed = document.documentElement.className; dispatchEvent(new Event('afterprint')); };")
            .await?;
        browser
            .script("document.querySelector('.teach').click();")
            .await?;
        browser
            .until("document.querySelector('.teach-menu').matches(':popover-open')")
            .await?;
        let wrong = browser.accessibility().await?;
        browser.view("teach-menu").await?;
        browser
            .script("[...document.querySelectorAll('.teach-menu button')].find((one) => one.textContent.includes('handout')).click();")
            .await?;
        browser
            .until("window.printed?.includes('handout') && !document.querySelector('html.handout, .write')")
            .await?;
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(wrong.join("\n").into())
        }
    })
}
