fn main() {
    println!("built with {} words", env!("WORDS"));
}
