//! Scripts of this kind, in Rust.

use std::collections::BTreeSet;

use super::Call;
use crate::rust_text;
use crate::script::Step;

/// The program.
pub(super) fn text(title: &str, level: u8, script: &[Step<Call>]) -> String {
    let head = [
        format!("{title}."),
        String::new(),
        "Say what each process prints: which descriptors it has, by number, and what it reads."
            .to_owned(),
        "The pipe is set not to block: a read that would wait for a writer says so.".to_owned(),
    ];
    let head = &head[..if level == 1 { 3 } else { 4 }];
    let uses = uses(script);
    let mut begins = Vec::new();
    if uses.executes {
        begins.extend([
            "if let Some(Ok(me)) = env::args().nth(1).map(|me| me.parse()) {",
            "    has(me);",
            "    return Ok(());",
            "}",
        ]);
    }
    begins.push("close_all();");
    let name = |name: &char| match (uses.changed.contains(name), uses.used.contains(name)) {
        (true, _) => format!("mut {name}"),
        (false, true) => name.to_string(),
        // It is held, and not used.
        (false, false) => format!("_{name}"),
    };
    rust_text::program(head, &begins, script, &|call| {
        vec![match call {
            Call::Letters(new) => format!("let {} = letters()?;", name(new)),
            Call::Dup(new, of) => format!("let {} = dup(&{of})?;", name(new)),
            Call::OpenAgain(new, of) => format!("let {} = open_again(&{of})?;", name(new)),
            Call::Dup2(from, to) => format!("dup2(&{from}, &mut {to})?;"),
            Call::Pipe => format!(
                "let ({}, {}) = pipe2(OFlag::O_NONBLOCK)?;",
                name(&'r'),
                name(&'w')
            ),
            Call::Close(name) => format!("drop({name});"),
            Call::CloseOnExec(name) => format!("close_on_exec(&{name})?;"),
            Call::Read(name, most) => format!("read_from(me, \"{name}\", &{name}, {most});"),
            Call::Write(bytes) => format!("write(&w, b\"{bytes}\")?;"),
            Call::Has => "has(me);".to_owned(),
            Call::Execute => "execute(me);".to_owned(),
        }]
    })
}

/// What a script does with its names.
#[derive(Default)]
struct Uses {
    used: BTreeSet<char>,
    changed: BTreeSet<char>,
    /// Whether it executes itself.
    executes: bool,
}

fn uses(script: &[Step<Call>]) -> Uses {
    let mut uses = Uses::default();
    let mut open: Vec<&Step<Call>> = script.iter().collect();
    while let Some(step) = open.pop() {
        match step {
            Step::Fork(fork) => open.extend(&fork.body),
            Step::Call(Call::Dup(_, name) | Call::OpenAgain(_, name))
            | Step::Call(Call::Close(name) | Call::CloseOnExec(name) | Call::Read(name, _)) => {
                uses.used.insert(*name);
            }
            Step::Call(Call::Write(_)) => {
                uses.used.insert('w');
            }
            Step::Call(Call::Dup2(from, to)) => {
                uses.used.insert(*from);
                uses.changed.insert(*to);
            }
            Step::Call(Call::Execute) => uses.executes = true,
            _ => {}
        }
    }
    uses
}
