//! Fractions in lowest terms.

pub fn reduced(numerator: u32, denominator: u32) -> (u32, u32) {
    let divisor = common_divisor(numerator, denominator).max(1);
    (numerator / divisor, denominator / divisor)
}

fn common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}
