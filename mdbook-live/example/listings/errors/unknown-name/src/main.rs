fn main() {
    let apples = 3;

    println!("{} apples", aples);
}
