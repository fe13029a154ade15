//! One cluster on two hosts: network namespaces with a cable between them, as far as this
//! machine lets us make them.

use std::env;
use std::error::Error;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{self, Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use clap::Parser;
use command_line::grouped;
use datafusion::prelude::SessionContext;
use mem_trace::{check_output, trace};
use past_one_machine::cluster::{Cluster, ClusterOptions, Place, serve_if_node};
use past_one_machine::query;
use past_one_machine::table::{TableArguments, bytes};
use process_pool::Tasks;
use records::write_part;
use tokio::runtime::Runtime;

/// The exit code of a run that this system cannot make.
const SKIPPED: i32 = 77;

/// The first host's address, and the second's.
const HOSTS: [&str; 2] = ["10.77.0.1", "10.77.0.2"];

/// The ends of the cable, in the first host and in the second.
const ENDS: [&str; 2] = ["to-b", "to-a"];

/// Runs queries on two hosts that share a cable and a table, and counts the bytes between them
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    table: TableArguments,

    /// Be the first host
    #[arg(long, hide = true)]
    inside: bool,
}

fn main() -> ExitCode {
    Tasks::new().add(write_part).serve_if_worker();
    serve_if_node().unwrap_or_else(|| command_line::run(run))
}

fn run(Arguments { table, inside }: Arguments) -> Result<(), Box<dyn Error>> {
    let path = table.open()?;
    if inside {
        return two_hosts(&table, &path);
    }
    // The first host is this program again, in namespaces of its own: unshare(1). With this
    // program both hosts end.
    let own = |program: &Path| {
        let mut command = Command::new("unshare");
        command
            .args(["--user", "--map-root-user", "--net", "--mount", "--pid"])
            .args(["--fork", "--kill-child", "--mount-proc", "--"])
            .arg(program);
        command
    };
    match own(Path::new("true")).output() {
        Ok(tried) if tried.status.success() => {}
        Ok(tried) => skip(String::from_utf8_lossy(&tried.stderr).trim()),
        Err(error) => skip(&format!("unshare: {error}")),
    }
    let mut inside = own(&env::current_exe()?);
    let status = inside
        .args(env::args_os().skip(1))
        .arg("--inside")
        .status()?;
    if !status.success() {
        process::exit(status.code().unwrap_or(1));
    }
    Ok(())
}

// ANCHOR: hosts
/// The second host: a process that only holds its namespaces.
struct SecondHost(Child);

impl SecondHost {
    /// Makes it, with a cable to this one.
    fn cabled() -> io::Result<SecondHost> {
        let holder = Command::new("unshare")
            .args(["--net", "--mount", "--", "cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let mut host = SecondHost(holder);
        // The holder has its namespaces once it is another program.
        while !fs::read_to_string(format!("/proc/{}/comm", host.0.id()))?.starts_with("cat") {
            if let Some(status) = host.0.try_wait()? {
                return Err(io::Error::other(format!("unshare(1) ended: {status}")));
            }
            thread::sleep(Duration::from_millis(1));
        }
        let there = host.0.id().to_string();
        let [a, b] = ENDS;
        sh(&[
            "ip", "link", "add", a, "type", "veth", "peer", "name", b, "netns", &there,
        ])?;
        sh(&[
            "ip",
            "address",
            "add",
            &format!("{}/24", HOSTS[0]),
            "dev",
            a,
        ])?;
        host.sh(&[
            "ip",
            "address",
            "add",
            &format!("{}/24", HOSTS[1]),
            "dev",
            b,
        ])?;
        for link in ["lo", a] {
            sh(&["ip", "link", "set", link, "up"])?;
        }
        for link in ["lo", b] {
            host.sh(&["ip", "link", "set", link, "up"])?;
        }
        Ok(host)
    }

    /// What starts a command there, as `ssh` would.
    fn by(&self) -> Vec<String> {
        let there = self.0.id().to_string();
        ["nsenter", "--target", &there, "--net", "--mount", "--"]
            .map(str::to_owned)
            .to_vec()
    }

    fn sh(&self, command: &[&str]) -> io::Result<()> {
        let by = self.by();
        let by = by.iter().map(String::as_str);
        sh(&by.chain(command.iter().copied()).collect::<Vec<_>>())
    }
}
// ANCHOR_END: hosts

impl Drop for SecondHost {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

// ANCHOR: queries
fn two_hosts(table: &TableArguments, path: &Path) -> Result<(), Box<dyn Error>> {
    let second = SecondHost::cabled().unwrap_or_else(|error| skip(&error.to_string()));
    let here = Place {
        host: HOSTS[0].to_owned(),
        by: Vec::new(),
    };
    let there = Place {
        host: HOSTS[1].to_owned(),
        by: second.by(),
    };
    let cluster = Cluster::start(&ClusterOptions {
        listen: SocketAddr::new(HOSTS[0].parse()?, 0),
        executors: vec![here, there],
        shown: false,
        ..ClusterOptions::default()
    })?;
    let runtime = Runtime::new()?;
    let scheduler = cluster.address.as_str();
    let session = runtime.block_on(query::remote(scheduler, table.files))?;
    runtime.block_on(query::register(&session, path))?;
    trace!("Two hosts and a cable: the scheduler and executor-1 on one, executor-2 on the other.");

    // A path is a place on one machine: on the second host, this folder is an empty one.
    let folder = path.display().to_string();
    second.sh(&["mount", "-t", "tmpfs", "none", &folder])?;
    match runtime.block_on(query::sum(&session, scheduler)) {
        Ok(_) => {
            return Err("the second host's executor has read files that it does not have".into());
        }
        Err(error) => {
            let error = error.to_string().replace(&folder, "TABLE");
            trace!("The table on the first host alone: {error}");
        }
    }
    second.sh(&["umount", &folder])?;

    trace!("The table on both: {:.1} MB.", bytes(path)? as f64 / 1e6);
    let before = carried()?;
    let answer = runtime.block_on(query::sum(&session, scheduler))?;
    let [sum, records] = [answer.sum as usize, answer.records as usize].map(grouped);
    trace!(
        "The sum: {sum} of {records} records; {} over the cable.",
        kilobytes(carried()? - before)
    );
    let before = carried()?;
    let groups = runtime.block_on(groups_of(&session))?;
    trace!(
        "The sums of {} groups: {} over the cable.",
        grouped(groups),
        kilobytes(carried()? - before)
    );
    Ok(check_output()?)
}
// ANCHOR_END: queries

/// A query whose answer is computed from every group of every executor: the number of groups.
async fn groups_of(session: &SessionContext) -> Result<usize, Box<dyn Error>> {
    let query = "SELECT index % 100003 AS key, sum(val) FROM records GROUP BY key";
    let batches = session.sql(query).await?.collect().await?;
    Ok(batches.iter().map(|batch| batch.num_rows()).sum())
}

/// The bytes that the cable has carried, in both directions: proc_pid_net(5), `dev`.
fn carried() -> io::Result<u64> {
    let devices = fs::read_to_string("/proc/self/net/dev")?;
    let cable = devices
        .lines()
        .find_map(|line| line.trim().strip_prefix("to-b:"));
    let numbers: Vec<u64> = cable
        .into_iter()
        .flat_map(str::split_whitespace)
        .map_while(|number| number.parse().ok())
        .collect();
    match numbers[..] {
        [received, _, _, _, _, _, _, _, sent, ..] => Ok(received + sent),
        _ => Err(io::Error::other(
            "/proc/self/net/dev says nothing of the cable",
        )),
    }
}

fn kilobytes(bytes: u64) -> String {
    format!("{:.1} kB", bytes as f64 / 1e3)
}

fn sh(command: &[&str]) -> io::Result<()> {
    let output = Command::new(command[0]).args(&command[1..]).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().next().unwrap_or("it failed without a word");
    Err(io::Error::other(format!("{}: {said}", command.join(" "))))
}

fn skip(why: &str) -> ! {
    println!("Skipped: two hosts take namespaces, and ip(8): {why}");
    process::exit(SKIPPED)
}
