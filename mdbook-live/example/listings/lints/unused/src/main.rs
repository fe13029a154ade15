fn main() {
    let answer = 42;

    println!("no answer is printed");
}

fn never_called() {
    println!("nor is this");
}
