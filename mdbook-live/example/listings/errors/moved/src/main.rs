fn main() {
    let title = String::from("The Example Book");
    let owner = title;

    println!("{title}, {owner}");
}
