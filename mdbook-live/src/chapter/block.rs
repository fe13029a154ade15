//! A block among a chapter's lines.

/// Appends a block with the indent of the line that it begins on, so that it stays in its list item.
pub(super) fn push_block(markdown: &mut String, block: &str) {
    let line_start = markdown.rfind('\n').map_or(0, |at| at + 1);
    let indent = markdown.split_off(line_start);
    // The author need not leave a blank line around the directive; Markdown needs one.
    markdown.push('\n');
    for line in block.lines() {
        if !line.is_empty() {
            markdown.push_str(&indent);
            markdown.push_str(line);
        }
        markdown.push('\n');
    }
}
