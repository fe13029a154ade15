//! Short names for what a verdict is of: by them one that was reached elsewhere, or some time
//! ago, is known to be of this program and of this check.

use super::hashing::Hasher;
use crate::book::claim::Claim;
use crate::book::listing::{RunRef, Size};
use crate::record::built_from::BuiltFrom;

/// So many digits tell the programs of one book apart.
const DIGITS: usize = 16;

/// Of a run: what its program is built from, its arguments at that size, and what else its
/// command says.
pub fn of_run(run: RunRef<'_>, size: Size, built_from: &BuiltFrom) -> String {
    let BuiltFrom {
        sources,
        manifests,
        dependencies,
        profile,
        files,
    } = built_from;
    let mut hasher = Hasher::default();
    for (kind, text) in [
        (b's', sources),
        (b'm', manifests),
        (b'p', profile),
        (b'f', files),
        (b'd', &dependencies.join("\n")),
        (b'a', &format!("{:?}", run.run.args(size))),
    ] {
        hasher.part(kind, text.as_bytes());
    }
    if let Some(beyond) = run.beyond_arguments(size) {
        hasher.part(b'r', beyond.as_bytes());
    }
    shortened(hasher)
}

/// Of a claim: its check, and whether the book says that it fails.
pub fn of_claim(claim: &Claim) -> String {
    let mut hasher = Hasher::default();
    let check = format!("{:?} {:?} {}", claim.check, claim.on, claim.is_refuted());
    hasher.part(b'c', check.as_bytes());
    shortened(hasher)
}

fn shortened(hasher: Hasher) -> String {
    let mut digits = hasher.finish();
    digits.truncate(DIGITS);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::listing::tests::{book_with, one_run};

    #[test]
    fn another_program_other_arguments_and_another_check_have_another_name() {
        let claim = |is: usize| {
            let claim = format!(
                "quick = {{ args = [] }}\n[[run.claim]]\nsays = 'So'\ncount = {{ lines = 'x', is = {is} }}\n"
            );
            book_with(&one_run(&claim)).1.expect("it is right")
        };
        let (one, two) = (claim(1), claim(2));
        let (run, other) = (one.run("demo/one").unwrap(), two.run("demo/one").unwrap());
        let nothing = BuiltFrom::default();
        let changed = BuiltFrom {
            dependencies: vec!["nix 0.31.1".into()],
            ..BuiltFrom::default()
        };
        let name = of_run(run, Size::Quick, &nothing);
        assert_eq!(name.len(), DIGITS);
        assert_eq!(name, of_run(other, Size::Quick, &nothing));
        assert_ne!(name, of_run(run, Size::Recorded, &nothing));
        assert_ne!(name, of_run(run, Size::Quick, &changed));
        assert_ne!(of_claim(&run.run.claims[0]), of_claim(&other.run.claims[0]));
    }
}
