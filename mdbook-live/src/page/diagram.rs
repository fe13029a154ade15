//! Diagrams from a text source: pikchr's language (<https://pikchr.org>), drawn as SVG.
//!
//! A source begins with comments that say what the picture shows:
//!
//! ```text
//! # caption: After a fork: two page tables, one set of frames
//! # alt: The parent's pages and the child's point to the same frames.
//! box "page A" fill $owner
//! ```
//!
//! Colours are names that `[preprocessor.live.diagram.colours]` of `book.toml` gives, such as
//! `owner = "blue"`. The page gives them the colours of the reader's theme.

use anyhow::{Result, bail};
use maud::{PreEscaped, html};
use pikchr::{Pikchr, PikchrFlags};

use super::inline::without_directives;
use crate::book::config::DiagramConfig;

/// A diagram that has been drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagram {
    /// The caption below it.
    pub caption: String,
    /// Its alternative text.
    pub alt: String,
    /// The drawing, with CSS variables in place of colours.
    pub svg: String,
    /// Its natural width in CSS pixels.
    pub width: u32,
    /// Its natural height.
    pub height: u32,
}

/// A colour of the drawing that the page replaces by one of the theme: the names of the book
/// have such a one each, which no author writes by chance.
fn placeholder(nth: usize) -> (String, String) {
    let shade = 10 + 3 * u32::try_from(nth).unwrap_or(0);
    let (red, green, blue) = (shade, shade + 1, shade + 2);
    (
        format!("0x{red:02x}{green:02x}{blue:02x}"),
        format!("rgb({red},{green},{blue})"),
    )
}

/// Draws `source`.
///
/// # Errors
///
/// When caption or alternative text is missing, or pikchr refuses the source: one line.
pub fn draw(config: &DiagramConfig, source: &str) -> Result<Diagram> {
    let said = |key: &str| {
        let lines = source.lines().take_while(|line| line.starts_with('#'));
        lines
            .filter_map(|line| line.trim_start_matches('#').trim().strip_prefix(key))
            .map(|rest| rest.trim().to_owned())
            .find(|text| !text.is_empty())
    };
    let (Some(caption), Some(alt)) = (said("caption:"), said("alt:")) else {
        bail!("expected a source that begins with `# caption: …` and `# alt: …`");
    };
    let names = config.colours.keys().enumerate();
    let names = names.map(|(nth, name)| format!("${name} = {}\n", placeholder(nth).0));
    let whole = names.collect::<String>() + source;
    let drawn = match Pikchr::render(&whole, None, PikchrFlags::default()) {
        Ok(drawn) => drawn,
        Err(error) => {
            // The message shows the source, and below it what is wrong.
            let mut why = error.lines().rev().map(str::trim);
            let why = why.find(|line| line.contains("ERROR"));
            bail!("pikchr: {}", why.unwrap_or("it cannot be drawn"));
        }
    };
    let mut svg = drawn.rendered().trim().replace("rgb(0,0,0)", "var(--fg)");
    for (nth, colour) in config.colours.values().enumerate() {
        let variable = format!("var(--diagram-{})", colour.name());
        svg = svg.replace(&placeholder(nth).1, &variable);
    }
    Ok(Diagram {
        caption,
        alt,
        svg,
        width: u32::try_from(drawn.width()).unwrap_or(0),
        height: u32::try_from(drawn.height()).unwrap_or(0),
    })
}

/// The diagram; `id` is unique on its page.
pub fn diagram(diagram: &Diagram, id: &str) -> String {
    // Screen readers get the alternative text: the drawing's own labels say little out of place.
    let width = format!("max-width: {}px", diagram.width);
    let svg = diagram.svg.replace('\n', " ");
    let svg = svg.replacen("<svg", "<svg aria-hidden=\"true\" focusable=\"false\"", 1);
    let page = html! {
        figure.diagram id=(id) {
            // It scrolls where there is no room for it: by keyboard, too.
            div.picture tabindex="0" role="img" aria-label=(diagram.alt) style=(width) { (PreEscaped(svg)) }
            figcaption { (diagram.caption) }
        }
    };
    without_directives(&page.into_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::config::ThemeColour;

    fn config() -> DiagramConfig {
        DiagramConfig {
            colours: [("owner".into(), ThemeColour::Blue)].into(),
        }
    }

    const SAID: &str = "# caption: One\n# alt: A box\n";

    #[test]
    fn a_source_becomes_a_drawing_in_the_colours_of_the_theme() {
        let diagram =
            draw(&config(), &format!("{SAID}box \"A\" fill $owner\n")).expect("it is right");
        assert_eq!((&*diagram.caption, &*diagram.alt), ("One", "A box"));
        assert!(diagram.svg.starts_with("<svg"), "{}", diagram.svg);
        assert!(
            diagram.svg.contains("var(--diagram-blue)"),
            "{}",
            diagram.svg
        );
        assert!(!diagram.svg.contains("rgb("), "{}", diagram.svg);
        assert!(diagram.width > 0);
    }

    #[test]
    fn a_source_without_words_or_with_an_error_is_refused_in_one_line() {
        for source in [
            "box\n",
            "# caption: One\nbox\n",
            &format!("{SAID}bax bux\n"),
        ] {
            let error = format!("{:#}", draw(&config(), source).expect_err("refused"));
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
