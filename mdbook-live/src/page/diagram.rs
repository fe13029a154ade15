//! Diagrams from a text source: pikchr's language (<https://pikchr.org>), drawn as SVG.
//!
//! A source begins with comments that say what the picture shows:
//!
//! ```text
//! # caption: After a fork: two page tables, one set of frames
//! # alt: The parent's pages and the child's point to the same frames.
//! box "page A" fill $parent
//! ```
//!
//! The colours are names for what they mean: `$parent`, `$child`, `$shared`, `$kernel`. The
//! page gives them the colours of the reader's theme.

use anyhow::{Result, bail};
use maud::{PreEscaped, html};
use pikchr::{Pikchr, PikchrFlags};

use super::inline::without_directives;

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
}

/// The names of colours, a placeholder for each in the drawing, and what the page
/// puts in its place.
const COLOURS: [(&str, &str, &str, &str); 4] = [
    (
        "$parent",
        "0x0a0b0c",
        "rgb(10,11,12)",
        "var(--diagram-parent)",
    ),
    (
        "$child",
        "0x0d0e0f",
        "rgb(13,14,15)",
        "var(--diagram-child)",
    ),
    (
        "$shared",
        "0x101112",
        "rgb(16,17,18)",
        "var(--diagram-shared)",
    ),
    (
        "$kernel",
        "0x131415",
        "rgb(19,20,21)",
        "var(--diagram-kernel)",
    ),
];

/// Draws `source`.
///
/// # Errors
///
/// When caption or alternative text is missing, or pikchr refuses the source: one line.
pub fn draw(source: &str) -> Result<Diagram> {
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
    let names = COLOURS.map(|(name, placeholder, ..)| format!("{name} = {placeholder}\n"));
    let whole = names.concat() + source;
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
    for (_, _, colour, variable) in COLOURS {
        svg = svg.replace(colour, variable);
    }
    Ok(Diagram {
        caption,
        alt,
        svg,
        width: u32::try_from(drawn.width()).unwrap_or(0),
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
            div.picture role="img" aria-label=(diagram.alt) style=(width) { (PreEscaped(svg)) }
            figcaption { (diagram.caption) }
        }
    };
    without_directives(&page.into_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "# caption: One\n# alt: A box\n";

    #[test]
    fn a_source_becomes_a_drawing_in_the_colours_of_the_theme() {
        let diagram = draw(&format!("{SAID}box \"A\" fill $parent\n")).expect("it is right");
        assert_eq!((&*diagram.caption, &*diagram.alt), ("One", "A box"));
        assert!(diagram.svg.starts_with("<svg"), "{}", diagram.svg);
        assert!(
            diagram.svg.contains("var(--diagram-parent)"),
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
            let error = format!("{:#}", draw(source).expect_err("refused"));
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
