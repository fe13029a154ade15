//! What paper needs and a window has in its sidebar: the book's title and contents before the
//! first chapter, and above each chapter its number.

use mdbook_preprocessor::book::{BookItem, Chapter};

use crate::page::front::{self, ContentsEntry};

/// Adds both to the chapters; `title` and `description` are the book's.
pub(super) fn add(items: &mut [BookItem], title: &str, description: &str) {
    let mut entries = Vec::new();
    contents(items, &mut entries);
    let before = front::contents(title, description, &entries);
    number(items);
    let first = items.iter_mut().find_map(|item| match item {
        BookItem::Chapter(chapter) if !chapter.is_draft_chapter() => Some(chapter),
        _ => None,
    });
    if let Some(chapter) = first {
        chapter.content.insert_str(0, &before);
    }
}

fn contents(items: &[BookItem], entries: &mut Vec<ContentsEntry>) {
    for item in items {
        match item {
            BookItem::Chapter(chapter) => {
                if let Some(path) = &chapter.path {
                    entries.push(ContentsEntry::Chapter {
                        number: number_of(chapter),
                        title: chapter.name.clone(),
                        path: path.display().to_string(),
                    });
                }
                contents(&chapter.sub_items, entries);
            }
            BookItem::PartTitle(title) => entries.push(ContentsEntry::Part(title.clone())),
            BookItem::Separator => {}
        }
    }
}

fn number(items: &mut [BookItem]) {
    for item in items {
        if let BookItem::Chapter(chapter) = item {
            if let Some(words) = number_of(chapter).filter(|_| chapter.path.is_some()) {
                chapter
                    .content
                    .insert_str(0, &front::chapter_number(&words));
            }
            number(&mut chapter.sub_items);
        }
    }
}

/// "3", "3.1".
fn number_of(chapter: &Chapter) -> Option<String> {
    let number = chapter.number.as_ref()?.to_string();
    Some(number.trim_end_matches('.').to_owned())
}
