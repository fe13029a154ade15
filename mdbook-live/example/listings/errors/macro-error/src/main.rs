macro_rules! square {
    ($number:expr) => {
        $number * $number
    };
}

fn main() {
    println!("{}", square!(3, 4));
}
