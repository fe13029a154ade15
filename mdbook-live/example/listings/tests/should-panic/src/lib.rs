pub struct Percent(u8);

impl Percent {
    pub fn new(value: u8) -> Percent {
        assert!(value <= 100, "{value} is more than 100");
        Percent(value)
    }

    pub fn get(&self) -> u8 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_it() {
        assert_eq!(Percent::new(100).get(), 100);
    }

    #[test]
    #[should_panic(expected = "more than 100")]
    fn more_than_all_of_it() {
        Percent::new(101);
    }
}
