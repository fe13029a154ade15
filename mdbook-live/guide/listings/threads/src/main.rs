use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

const JOBS: u32 = 6;

fn main() {
    let next = AtomicU32::new(1);
    thread::scope(|scope| {
        for worker in 1..=3 {
            let next = &next;
            scope.spawn(move || work(worker, next));
        }
    });
    println!("all jobs are done");
}

fn work(worker: u32, next: &AtomicU32) {
    loop {
        let job = next.fetch_add(1, Ordering::Relaxed);
        if job > JOBS {
            return;
        }
        thread::sleep(Duration::from_millis(20));
        println!("job {job} by worker {worker}");
    }
}
