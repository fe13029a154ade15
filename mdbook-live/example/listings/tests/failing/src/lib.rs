pub fn celsius(fahrenheit: i32) -> i32 {
    fahrenheit - 32 * 5 / 9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warmer_stays_warmer() {
        assert!(celsius(68) > celsius(50));
    }

    #[test]
    fn water_boils() {
        assert_eq!(celsius(212), 100);
    }

    #[test]
    fn water_freezes() {
        assert_eq!(celsius(32), 0);
    }
}
