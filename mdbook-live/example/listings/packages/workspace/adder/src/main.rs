fn main() {
    let number = 10;

    println!("{number} plus one is {}", add_one::add_one(number));
}
