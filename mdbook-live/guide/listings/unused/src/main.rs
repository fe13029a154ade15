fn main() {
    let price = 120;
    let discount = 20;
    println!("You pay {price}");
}
