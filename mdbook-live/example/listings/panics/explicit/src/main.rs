fn withdraw(balance: u32, amount: u32) -> u32 {
    if amount > balance {
        panic!("cannot withdraw {amount} from {balance}");
    }
    balance - amount
}

fn main() {
    println!("balance: 100");
    eprintln!("log: a withdrawal of 150");
    println!("balance: {}", withdraw(100, 150));
}
