//! A cluster of real processes on this machine: started, listened to, and ended by their parent.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use clap::Parser;
use mem_trace::trace;
use nix::sys::signal::{SigHandler, Signal};
use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::node::{self, ExecutorArguments, SchedulerArguments};

/// How long a process may take until it is ready.
const READY: Duration = Duration::from_secs(60);

/// How the line begins that tells of a process's end.
const ENDED: &str = "ended: ";

/// How long a process may take to end once its input has ended.
const GRACE: Duration = Duration::from_secs(5);

// ANCHOR: node
/// What one of the cluster's processes is started with: the program itself, in another role.
#[derive(Parser)]
#[command(name = "past-one-machine")]
enum Role {
    Scheduler(SchedulerArguments),
    Executor(ExecutorArguments),
}

/// Serves where this process was started to be a node of a cluster, and returns its exit code;
/// returns nothing in a program that a person started.
pub fn serve_if_node() -> Option<ExitCode> {
    let role = env::args().nth(1)?;
    if !["scheduler", "executor"].contains(&role.as_str()) {
        return None;
    }
    Some(command_line::run(|role: Role| {
        // tokio's handler, which the engine asks for, would call the one that is there, and that
        // one raises its signal again: each would wait for the other's default for ever.
        for signal in [Signal::SIGINT, Signal::SIGTERM] {
            // SAFETY: the default action runs no code of this program.
            unsafe { nix::sys::signal::signal(signal, SigHandler::SigDfl) }
                .map_err(|error| Error::io("reset", signal)(error.into()))?;
        }
        let runtime = tokio::runtime::Runtime::new().map_err(Error::io("start", "a runtime"))?;
        let served = match role {
            Role::Scheduler(arguments) => runtime.block_on(node::scheduler(arguments)),
            Role::Executor(arguments) => runtime.block_on(node::executor(arguments)),
        };
        // A task may still be at work; nobody waits for it.
        runtime.shutdown_background();
        served
    }))
}
// ANCHOR_END: node

/// What a cluster is to be.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// Where the scheduler listens; port 0 is any free one.
    pub listen: SocketAddr,
    /// Where the executors are, one each.
    pub executors: Vec<Place>,
    /// Tasks that an executor has under way at a time.
    pub cores: usize,
    /// Seconds between two heartbeats of an executor that is sent its tasks. One that asks for
    /// them gives no other sign of life, and while it is busy it asks every five seconds.
    pub heartbeat: u64,
    /// Seconds without one after which it counts as dead.
    pub patience: u64,
    /// Whether executors ask for tasks, in place of being sent them.
    pub pull: bool,
    /// Whether the lines of the processes are printed, beside being listened to.
    pub shown: bool,
}

/// A host, as its executor's parent and its peers know it.
#[derive(Debug, Clone)]
pub struct Place {
    /// The address at which the others reach it.
    pub host: String,
    /// The command that starts a command there, as `ssh HOST` would; empty for here.
    pub by: Vec<String>,
}

impl Default for Place {
    fn default() -> Self {
        Place {
            host: "127.0.0.1".to_owned(),
            by: Vec::new(),
        }
    }
}

impl Default for ClusterOptions {
    fn default() -> Self {
        ClusterOptions {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            executors: vec![Place::default(); 2],
            cores: 1,
            heartbeat: 1,
            patience: 4,
            pull: false,
            shown: true,
        }
    }
}

/// A line of a process of the cluster.
#[derive(Debug, Clone)]
pub struct Said {
    /// The process's name.
    pub node: String,
    /// Its line.
    pub line: String,
    /// When it was heard.
    pub at: Instant,
}

/// A cluster under way. Dropping it ends its processes.
pub struct Cluster {
    /// Where the scheduler listens, HOST:PORT.
    pub address: String,
    nodes: BTreeMap<String, Node>,
    heard: Receiver<Said>,
    /// What the executors have written: a killed one removes nothing.
    work: TempDir,
}

/// One process.
struct Node {
    child: Arc<Mutex<Child>>,
    /// When it is closed the node ends, however this process ends.
    lifeline: Option<ChildStdin>,
    listener: JoinHandle<()>,
}

impl Cluster {
    // ANCHOR: start
    /// Starts a scheduler and its executors, and returns once all of them are ready.
    ///
    /// # Errors
    ///
    /// [`Error::PortInUse`], or [`Error::Ended`] where one of them ends before it is ready.
    pub fn start(options: &ClusterOptions) -> Result<Cluster> {
        // Asked here, so that it is told once; the scheduler asks again.
        drop(node::listen_at(options.listen)?);
        let (say, heard) = channel();
        let mut cluster = Cluster {
            address: String::new(),
            nodes: BTreeMap::new(),
            heard,
            work: tempfile::tempdir().map_err(Error::io("create", "a temporary folder"))?,
        };
        let ClusterOptions {
            listen,
            cores,
            heartbeat,
            patience,
            pull,
            shown,
            ..
        } = options;
        let pull = if *pull { "--pull" } else { "" };
        let scheduler = format!("scheduler --tied --listen {listen} --patience {patience} {pull}");
        cluster.add("scheduler", &[], &scheduler, *shown, &say)?;
        let line = cluster.ready(&["scheduler".to_owned()], "Listening at ")?;
        let address = line.rsplit(' ').next().unwrap_or_default();
        cluster.address = address.trim_end_matches('.').to_owned();

        let mut names = Vec::new();
        for (nth, Place { host, by }) in (1..).zip(&options.executors) {
            let name = format!("executor-{nth}");
            let executor = format!(
                "executor --tied --scheduler {} --name {name} --host {host} --heartbeat {heartbeat} --cores {cores} {pull}",
                cluster.address
            );
            cluster.add(&name, by, &executor, *shown, &say)?;
            names.push(name);
        }
        if !names.is_empty() {
            cluster.ready(&names, "Registered")?;
        }
        Ok(cluster)
    }
    // ANCHOR_END: start

    fn add(
        &mut self,
        name: &str,
        by: &[String],
        arguments: &str,
        shown: bool,
        say: &Sender<Said>,
    ) -> Result<()> {
        let program = env::current_exe().map_err(Error::io("find", "this program"))?;
        let mut command = match by {
            [] => Command::new(program),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        };
        let mut child = command
            .args(arguments.split_whitespace())
            .env("TMPDIR", self.work.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Error::io("start", name))?;
        let lifeline = child.stdin.take();
        let output = child
            .stdout
            .take()
            .ok_or_else(|| Error::NoNode(name.to_owned()))?;
        let child = Arc::new(Mutex::new(child));
        let (its, own, say) = (Arc::clone(&child), name.to_owned(), say.clone());
        // ANCHOR: collect
        let listener = thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(|line| line.ok()) {
                if shown {
                    println!("{line}");
                }
                let (node, at) = (own.clone(), Instant::now());
                // Nobody may listen any more; the line is printed all the same.
                let _ = say.send(Said { node, line, at });
            }
            // A node never closes its output: with the output the node has ended.
            let status = its.lock().unwrap_or_else(PoisonError::into_inner).wait();
            let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            let ended = Said {
                node: own,
                line: format!("{ENDED}{status}"),
                at: Instant::now(),
            };
            let _ = say.send(ended);
        });
        // ANCHOR_END: collect
        self.nodes.insert(
            name.to_owned(),
            Node {
                child,
                lifeline,
                listener,
            },
        );
        Ok(())
    }

    /// Waits until all of these processes have said that they are ready, in whatever order, and
    /// returns the last one's line.
    fn ready(&self, names: &[String], sign: &str) -> Result<String> {
        let mut left: BTreeSet<&String> = names.iter().collect();
        loop {
            let found = self.wait_for_line(READY, |said| {
                left.contains(&said.node)
                    && (said.line.contains(sign) || said.line.starts_with(ENDED))
            });
            let said = found.ok_or_else(|| Error::Silent {
                name: left
                    .first()
                    .map(|name| name.to_string())
                    .unwrap_or_default(),
                seconds: READY.as_secs(),
            })?;
            if let Some(status) = said.line.strip_prefix(ENDED) {
                return Err(Error::Ended {
                    name: said.node,
                    status: status.to_owned(),
                });
            }
            left.remove(&said.node);
            if left.is_empty() {
                return Ok(said.line);
            }
        }
    }

    /// The next line that is looked for, within that time.
    pub fn wait_for_line(
        &self,
        within: Duration,
        mut wanted: impl FnMut(&Said) -> bool,
    ) -> Option<Said> {
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.heard.recv_timeout(left) {
                Ok(said) if wanted(&said) => return Some(said),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// What has been said since, and was not listened to.
    pub fn heard(&self) -> Vec<Said> {
        self.heard.try_iter().collect()
    }

    /// Kills a process, as the system does where memory is short: without a word.
    ///
    /// # Errors
    ///
    /// Where there is no such process.
    pub fn kill(&mut self, name: &str) -> Result<()> {
        let node = self.nodes.get(name);
        let node = node.ok_or_else(|| Error::NoNode(name.to_owned()))?;
        let mut child = node.child.lock().unwrap_or_else(PoisonError::into_inner);
        child.kill().map_err(Error::io("kill", name))?;
        trace!("Killed {name} by SIGKILL.");
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in self.nodes.values_mut() {
            node.lifeline = None;
        }
        let deadline = Instant::now() + GRACE;
        for node in std::mem::take(&mut self.nodes).into_values() {
            while !node.listener.is_finished() && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(2));
            }
            if !node.listener.is_finished() {
                // It holds its output open, so the listener does not hold the lock.
                let mut child = node.child.lock().unwrap_or_else(PoisonError::into_inner);
                let _ = child.kill();
            }
            let _ = node.listener.join();
        }
    }
}
