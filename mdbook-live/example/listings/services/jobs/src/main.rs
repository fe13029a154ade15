//! Does its jobs, then waits for more. None comes.

use std::sync::mpsc;

fn main() {
    let (sender, jobs) = mpsc::channel();
    for job in ["sweep", "polish"] {
        sender.send(job).unwrap();
    }

    loop {
        let job = jobs.try_recv().unwrap_or_else(|_| {
            println!("waiting for more");
            jobs.recv().unwrap()
        });
        println!("{job}: done");
    }
}
