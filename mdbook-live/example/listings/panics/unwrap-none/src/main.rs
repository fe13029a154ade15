fn longest<'a>(words: &[&'a str]) -> Option<&'a str> {
    words.iter().copied().max_by_key(|word| word.len())
}

fn main() {
    println!("{}", longest(&["own", "borrow"]).unwrap());
    println!("{}", longest(&[]).unwrap());
}
