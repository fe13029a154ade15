enum Light {
    Red,
    Amber,
    Green,
}

fn seconds(light: Light) -> u32 {
    match light {
        Light::Red => 30,
        Light::Green => 25,
    }
}

fn main() {
    println!("{}", seconds(Light::Amber));
}
