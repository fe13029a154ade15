use std::fs;

fn main() {
    fs::remove_file("no-such-file");

    println!("the file is gone, or was it never there?");
}
