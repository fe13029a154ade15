//! What the workers have compressed is a gzip file like any other.

use std::fs::File;
use std::process::Command;

use when_a_process_pays::text_in_pieces;

#[test]
fn gunzip_reads_the_members_as_one_file_and_finds_the_text() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("text.gz");
    let made = Command::new(env!("CARGO_BIN_EXE_when-a-process-pays"))
        .args(["--text", "1", "--piece", "100", "--to"])
        .arg(&file)
        .status()
        .expect("runs");
    if made.code() == Some(77) {
        return;
    }
    assert!(made.success(), "{made}");
    let read = Command::new("gunzip")
        .stdin(File::open(&file).expect("the file"))
        .output()
        .expect("gunzip is here");
    assert!(read.status.success(), "{read:?}");
    let text = text_in_pieces(11, 100 << 10);
    assert!(
        read.stdout
            == text
                .iter()
                .map(|piece| &piece[..])
                .collect::<Vec<_>>()
                .concat()
    );
}
