//! Rust sources as what is built from them: their tokens without comments, documentation and
//! unit tests.

use std::str::FromStr;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::hashing::Hasher;

/// Adds the tokens of a source.
pub(super) fn hash_rust(hasher: &mut Hasher, text: &str) {
    match TokenStream::from_str(text) {
        Ok(tokens) => hash_tokens(hasher, tokens),
        // What is not Rust yet counts as it is; cargo will say what is wrong with it.
        Err(_) => hasher.part(b'r', text.as_bytes()),
    }
}

/// The modules that a source declares for its tests alone, in files of their own.
pub(super) fn test_modules(text: &str) -> Vec<String> {
    let tokens: Vec<TokenTree> = match TokenStream::from_str(text) {
        Ok(tokens) => tokens.into_iter().collect(),
        Err(_) => return Vec::new(),
    };
    let mut modules = Vec::new();
    for at in 0..tokens.len() {
        if let Some(length) = test_item(&tokens[at..])
            && let [
                ..,
                TokenTree::Ident(word),
                TokenTree::Ident(name),
                TokenTree::Punct(_),
            ] = &tokens[at..at + length]
            && word == "mod"
        {
            modules.push(name.to_string());
        }
    }
    modules
}

fn hash_tokens(hasher: &mut Hasher, tokens: TokenStream) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut rest = &tokens[..];
    while let Some(token) = rest.first() {
        if let Some(length) = doc_attribute(rest).or_else(|| test_item(rest)) {
            rest = &rest[length..];
            continue;
        }
        rest = &rest[1..];
        match token {
            TokenTree::Group(group) => {
                hasher.part(b'(', format!("{:?}", group.delimiter()).as_bytes());
                hash_tokens(hasher, group.stream());
                hasher.part(b')', b"");
            }
            other => hasher.part(b't', other.to_string().as_bytes()),
        }
    }
}

fn is_punct(token: &TokenTree, c: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == c)
}

/// The attribute that begins here, `#[…]` or `#![…]`: what is in its brackets, and how many
/// tokens it has.
fn attribute(tokens: &[TokenTree]) -> Option<(&Group, usize)> {
    let mut at = 0;
    if !is_punct(tokens.get(at)?, '#') {
        return None;
    }
    at += 1;
    if is_punct(tokens.get(at)?, '!') {
        at += 1;
    }
    match tokens.get(at)? {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => Some((group, at + 1)),
        _ => None,
    }
}

/// How many tokens the doc attribute has that begins here, if one does: the
/// lexer hands a doc comment over as `#[doc = "…"]` or `#![doc = "…"]`.
fn doc_attribute(tokens: &[TokenTree]) -> Option<usize> {
    let (group, length) = attribute(tokens)?;
    let mut inside = group.stream().into_iter();
    let is_doc = matches!(inside.next(), Some(TokenTree::Ident(name)) if name == "doc")
        && matches!(inside.next(), Some(token) if is_punct(&token, '='));
    is_doc.then_some(length)
}

/// How many tokens the item has that begins here with `#[cfg(test)]`, if one does: to the end
/// of its braces, or to its semicolon.
fn test_item(tokens: &[TokenTree]) -> Option<usize> {
    let (group, length) = attribute(tokens)?;
    if group.stream().to_string().replace(' ', "") != "cfg(test)" {
        return None;
    }
    let end = tokens[length..].iter().position(|token| {
        let braces =
            matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
        braces || is_punct(token, ';')
    })?;
    Some(length + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(text: &str) -> String {
        let mut hasher = Hasher::default();
        hash_rust(&mut hasher, text);
        hasher.finish()
    }

    #[test]
    fn a_unit_test_is_not_part_of_what_is_built() {
        let source = "fn work() {}\n";
        for tests in [
            "#[cfg(test)]\nmod tests {\n    #[test]\n    fn works() {}\n}\n",
            "#[cfg(test)]\n#[derive(Debug)]\npub(crate) struct Fake { n: u8 }\n",
            "#[cfg(test)]\nuse std::fs;\n",
            "#[cfg(test)]\nmod tests;\n",
        ] {
            assert_eq!(hash(&format!("{source}{tests}")), hash(source), "{tests}");
        }
        // What comes after a test is.
        let more = format!("#[cfg(test)]\nuse std::fs;\n{source}fn more() {{}}");
        assert_ne!(hash(&more), hash(source));
        assert_ne!(hash("#[cfg(unix)]\nfn work() {}"), hash("fn work() {}"));
    }

    #[test]
    fn modules_for_tests_alone_are_named() {
        let source = "mod a;\n#[cfg(test)]\nmod tests;\n#[cfg(test)]\nmod inline {}\n#[cfg(test)]\npub(crate) mod fixture;";
        assert_eq!(test_modules(source), ["tests", "fixture"]);
    }
}
