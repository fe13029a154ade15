fn is_free(guests: &[&str]) -> bool {
    return guests.len() == 0;
}

fn main() {
    println!("{}", is_free(&["Ada", "Grace"]));
}
