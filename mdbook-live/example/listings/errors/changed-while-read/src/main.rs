fn main() {
    let mut queue = vec![1, 2, 3];

    let first = &queue[0];
    queue.push(4);

    println!("first: {first}");
}
