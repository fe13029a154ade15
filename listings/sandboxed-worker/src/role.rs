//! The programs of this listing start themselves anew, as a service or as its worker.

use std::env;
use std::path::PathBuf;
use std::process;

use clap::Parser;

use crate::sandbox::Layer;
use crate::service::Service;
use crate::worker;

#[derive(Parser)]
enum Role {
    Service(Service),
    Worker {
        #[arg(long = "layer")]
        layers: Vec<Layer>,

        #[arg(long)]
        palettes: PathBuf,
    },
}

/// Where this process has been started as a service or as a worker, it is one, and ends here.
pub fn play() {
    let role = env::args_os().nth(1);
    if role.is_none_or(|role| role != "service" && role != "worker") {
        return;
    }
    match Role::parse() {
        Role::Worker { layers, palettes } => worker::in_layers(&layers, &palettes),
        Role::Service(service) => {
            let served = service.serve();
            if let Err(error) = &served {
                eprintln!("error: the service: {error}");
            }
            process::exit(i32::from(served.is_err()))
        }
    }
}
