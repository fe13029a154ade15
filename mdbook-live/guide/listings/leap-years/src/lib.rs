pub fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use super::is_leap;

    #[test]
    fn the_year_1900_is_none() {
        assert!(!is_leap(1900));
    }

    #[test]
    fn the_year_2024_is_one() {
        assert!(is_leap(2024));
    }
}
