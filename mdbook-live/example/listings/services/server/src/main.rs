//! An HTTP server with one page. It has no end of its own.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:47811")?;
    println!("listening on {}", listener.local_addr()?);
    for connection in listener.incoming() {
        answer(connection?)?;
    }
    Ok(())
}

fn answer(mut connection: TcpStream) -> io::Result<()> {
    let mut head = Vec::new();
    for line in BufReader::new(&connection).lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        head.push(line);
    }
    let Some(request) = head.first() else {
        return Ok(());
    };
    println!("{request}");

    let (status, page) = match request.as_str() {
        "GET / HTTP/1.1" => ("200 OK", "Hello from the server"),
        _ => ("404 Not Found", "There is no such page"),
    };
    let length = page.len();
    write!(
        connection,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{page}"
    )
}
