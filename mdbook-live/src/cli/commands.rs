//! Every verb with its arguments, as Markdown, from what clap knows of them.

use clap::{Arg, Command, CommandFactory};

use super::arguments::Arguments;

/// The options that every verb takes, then a section for each verb.
pub fn as_markdown() -> String {
    let mut tool = Arguments::command();
    tool.build();
    let global = tool.get_arguments().filter(|arg| arg.is_global_set());
    let mut text = format!("Every verb takes:\n\n{}", table(global));
    sections(&tool, "", &mut text);
    text
}

/// A section for each verb below this one; `path` is what comes before its name.
fn sections(above: &Command, path: &str, text: &mut String) {
    for verb in above.get_subcommands().filter(|verb| is_shown(verb)) {
        let name = format!("{path}{}", verb.get_name());
        let usage = verb.clone().render_usage().to_string();
        let usage: Vec<&str> = usage
            .lines()
            .map(|line| line.trim_start_matches("Usage:").trim())
            .collect();
        let about = verb.get_long_about().or(verb.get_about());
        let about = about.expect("every verb says what it does").to_string();
        *text += &format!(
            "\n### {name}\n\n```text\n{}\n```\n\n{}\n",
            usage.join("\n"),
            sentences(&about)
        );
        let own = |arg: &&Arg| !arg.is_hide_set() && !is_of_all(arg, above);
        let own: Vec<&Arg> = verb.get_arguments().filter(own).collect();
        if !own.is_empty() {
            *text += &format!("\n{}", table(own.into_iter()));
        }
        sections(verb, &format!("{name} "), text);
    }
}

/// clap's own `help` is left out.
fn is_shown(verb: &Command) -> bool {
    !verb.is_hide_set() && verb.get_name() != "help"
}

/// Whether it is of a verb above, or clap's own `--help` or `--version`.
fn is_of_all(arg: &Arg, above: &Command) -> bool {
    let inherited = |known: &Arg| known.is_global_set() && known.get_id() == arg.get_id();
    ["help", "version"].contains(&arg.get_id().as_str()) || above.get_arguments().any(inherited)
}

fn table<'a>(arguments: impl Iterator<Item = &'a Arg>) -> String {
    let rows = arguments.map(|arg| format!("| `{}` | {} |\n", written(arg), meaning(arg)));
    let rows: String = rows.collect();
    format!("| Argument or option | What it says |\n| --- | --- |\n{rows}")
}

/// `RUN`, `--pdf`, `--port PORT`.
fn written(arg: &Arg) -> String {
    let values = if arg.get_action().takes_values() {
        let names = arg.get_value_names().unwrap_or_default();
        let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        names.join(" ")
    } else {
        String::new()
    };
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let mut names: Vec<String> = short.into_iter().chain(long).collect();
    if names.is_empty() {
        return values;
    }
    if let Some(last) = names.last_mut().filter(|_| !values.is_empty()) {
        *last += &format!(" {values}");
    }
    names.join(", ")
}

fn meaning(arg: &Arg) -> String {
    let help = arg.get_long_help().or(arg.get_help());
    let help = help.expect("every argument says what it is").to_string();
    let mut meaning = sentences(&help);
    let known: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if !known.is_empty() && arg.get_action().takes_values() {
        meaning += &format!(" One of {}.", known.join(", "));
    }
    let defaults: Vec<String> = arg
        .get_default_values()
        .iter()
        .map(|value| format!("`{}`", value.to_string_lossy()))
        .collect();
    if !defaults.is_empty() && arg.get_action().takes_values() {
        meaning += &format!(" {} by default.", defaults.join(", "));
    }
    meaning
}

/// A help text, which is no Markdown, in one line, each paragraph with its full stop.
fn sentences(help: &str) -> String {
    let paragraphs = help.split("\n\n").map(|paragraph| {
        let words: Vec<&str> = paragraph.split_whitespace().collect();
        let mut text = words.join(" ");
        // What clap cannot know itself, in its own form.
        if let Some((says, default)) = text.split_once(" [default: ") {
            text = format!("{says}. By default {}", default.trim_end_matches(']'));
        }
        for special in ['|', '<', '*', '['] {
            text = text.replace(special, &format!("\\{special}"));
        }
        let full_stop = if text.ends_with('.') { "" } else { "." };
        text + full_stop
    });
    paragraphs.collect::<Vec<_>>().join(" ")
}
