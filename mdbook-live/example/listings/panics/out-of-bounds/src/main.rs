fn main() {
    // ANCHOR: primes
    let primes = vec![2, 3, 5];
    let end = primes.len();
    // ANCHOR_END: primes

    println!("{end} primes");
    // ANCHOR: panics
    println!("the last one: {}", primes[end]);
    // ANCHOR_END: panics
}
