use rectangle::Rectangle;

fn area(width: u32, height: u32) -> u32 {
    Rectangle { width, height }.area()
}

#[test]
fn of_a_line() {
    assert_eq!(area(7, 0), 0);
}

#[test]
fn of_a_square() {
    assert_eq!(area(4, 4), 16);
}
