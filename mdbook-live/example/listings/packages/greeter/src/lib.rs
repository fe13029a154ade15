pub fn greeting(name: &str) -> String {
    format!("Hello from the library, {name}")
}
