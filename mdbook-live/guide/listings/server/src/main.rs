use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:7879")?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        greet(stream?)?;
    }
    Ok(())
}

fn greet(mut stream: TcpStream) -> io::Result<()> {
    let mut name = String::new();
    BufReader::new(&stream).read_line(&mut name)?;
    let name = name.trim_end();
    println!("asked by {name}");
    writeln!(stream, "Hello, {name}!")
}
