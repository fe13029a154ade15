fn main() {
    // ANCHOR: push
    let mut scores = vec![3, 5, 8];
    let best = &scores[2];
    scores.push(13);
    // ANCHOR_END: push
    println!("The best score was {best}");
}
