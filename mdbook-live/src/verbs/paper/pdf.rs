//! The page for printing, printed.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use mdbook_driver::MDBook;
use mdbook_driver::config::Config;
use mdbook_html::HtmlHandlebars;
use nix::unistd::geteuid;

use crate::chapter::preprocessor::LivePreprocessor;
use crate::page::style;
use crate::run::tool::Tool;

const LIMIT: Duration = Duration::from_secs(300);

/// Prints the book to the file `made`.
pub(super) fn make(
    root: &Path,
    mut config: Config,
    live: LivePreprocessor,
    chromium: &Tool,
    made: &Path,
) -> Result<()> {
    let folder = tempfile::tempdir().context("making a folder for the pages")?;
    config.build.build_dir = folder.path().join("pages");
    config.set("output.html.print.enable", true)?;
    config.set("output.html.search.enable", false)?;
    let mut book = MDBook::load_with_config(root, config)?;
    book.with_preprocessor(live);
    book.execute_build_process(&HtmlHandlebars::new())?;
    let page = book.build_dir_for("html").join("print.html");
    let html = std::fs::read_to_string(&page).context("reading the page for printing")?;
    let html =
        style::style_once(&html).replacen("</head>", &format!("{}</head>", style::paper()), 1);
    std::fs::write(&page, html).context("writing the page for printing")?;
    let mut arguments = vec![
        "--headless".to_owned(),
        "--disable-gpu".to_owned(),
        "--no-first-run".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        "--no-pdf-header-footer".to_owned(),
        "--generate-pdf-document-outline".to_owned(),
        format!(
            "--user-data-dir={}",
            folder.path().join("profile").display()
        ),
        format!("--print-to-pdf={}", made.display()),
    ];
    // Chromium has no sandbox for root, and refuses to start without this.
    if geteuid().is_root() {
        arguments.push("--no-sandbox".to_owned());
    }
    arguments.push(format!("file://{}", page.display()));
    chromium.make(made, &arguments, LIMIT)
}
