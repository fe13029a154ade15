use greeter::greeting;

fn main() {
    println!("{}!", greeting("Ferris").to_uppercase());
    println!("{}!", greeting("Corro").to_uppercase());
}
