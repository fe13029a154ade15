//! A drawing: a page embeds it, and other renderers have it as a picture of its own.

use maud::Markup;

/// A drawing.
#[derive(Debug, Clone)]
pub struct Drawing {
    /// An `svg` element.
    pub svg: Markup,
    /// Its width and height, in its own units.
    pub size: (f64, f64),
}

/// The rules of style that drawings need, with variables for the colours of the theme.
pub const CSS: &str = include_str!("drawing.css");
