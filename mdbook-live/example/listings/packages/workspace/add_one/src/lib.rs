pub fn add_one(number: i32) -> i32 {
    number + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows() {
        assert!(add_one(10) > 10);
    }
}
