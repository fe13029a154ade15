use greeter::greeting;

fn main() {
    println!("{}", greeting("Ferris").to_lowercase());
}
