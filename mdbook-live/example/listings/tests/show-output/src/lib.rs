pub fn halve(number: u32) -> u32 {
    println!("halving {number}");
    number / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_and_odd() {
        assert_eq!(halve(12), 6);
        assert_eq!(halve(7), 3);
    }
}
