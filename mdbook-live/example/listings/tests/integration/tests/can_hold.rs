use rectangle::Rectangle;

#[test]
fn not_itself() {
    let square = Rectangle {
        width: 4,
        height: 4,
    };

    assert!(!square.can_hold(&square));
}
