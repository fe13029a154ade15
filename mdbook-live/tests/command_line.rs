//! What shells and man are told of the command line.

use std::process::Command;

fn printed(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_mdbook-live"))
        .args(arguments)
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn shells_complete_the_verbs_and_the_man_page_has_them() {
    let verbs = ["init", "check", "review", "import", "serve"];
    for shell in ["bash", "fish", "zsh"] {
        let completions = printed(&["completions", shell]);
        for verb in verbs {
            assert!(completions.contains(verb), "{shell}: {verb}");
        }
    }
    let man = printed(&["man"]);
    assert!(man.contains(".TH mdbook-live 1"), "{man}");
    for verb in verbs {
        assert!(
            man.contains(&format!("mdbook\\-live\\-{verb}(1)")),
            "{verb}: {man}"
        );
    }
}
