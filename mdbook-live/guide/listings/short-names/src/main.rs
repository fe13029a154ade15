fn main() {
    for name in ["Charlotte", "Zoë"] {
        println!("{}", &name[..3]);
    }
}
