fn main() {
    let mut shelf = vec!["Emma", "Ulysses"];

    // ANCHOR: here
    let first = &mut shelf;
    let second = &mut shelf;
    first.push("Walden");
    second.push("Candide");
    // ANCHOR_END: here

    println!("{shelf:?}");
}
