pub fn add_two(number: u64) -> u64 {
    number + 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_hundred() {
        assert_eq!(add_two(100), 102);
    }

    #[test]
    fn zero() {
        assert_eq!(add_two(0), 2);
    }

    #[test]
    #[ignore = "takes longer"]
    fn many() {
        assert!((0..1_000_000).all(|number| add_two(number) > number));
    }
}
