//! Makes a test of every Rust snippet that is pasted into the README or a chapter.

fn main() {
    let mut pages = skeptic::markdown_files_of_directory("src/");
    pages.push("README.md".into());
    for page in &pages {
        println!("cargo:rerun-if-changed={}", page.display());
    }
    println!("cargo:rerun-if-changed=src");
    skeptic::generate_doc_tests(&pages);
}
