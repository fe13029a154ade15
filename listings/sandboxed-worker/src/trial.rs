//! One attempt on one worker, and what came of it.

use std::fs::{self, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind, Read};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::{fmt, str};

use nix::libc::SIGKILL;
use tempfile::TempDir;

use crate::attack::{Attempt, KEY};
use crate::picture;
use crate::sandbox::Layer;
use crate::service::{PALETTE, Start};

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Its effect was seen.
    Done,
    /// There was none, for this reason.
    Refused(String),
    /// The sandbox could not be closed, for this reason.
    Unavailable(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.pad("done"),
            Self::Refused(why) | Self::Unavailable(why) => f.pad(why),
        }
    }
}

/// What there is to be had: files, a neighbour, a database.
struct Scene {
    folder: TempDir,
    key: String,
    neighbour: TcpListener,
    database: TcpListener,
}

// ANCHOR: attempt
/// Starts a service whose worker has these layers, has the worker taken over, and looks for
/// what the attempt was to bring about. What the worker says counts where it has a key that it
/// could not have guessed; that a shell ran is the shell's word.
///
/// # Errors
///
/// Where the scene cannot be set, or the service fails.
pub fn attempt(attempt: Attempt, layers: &[Layer], start: Start) -> io::Result<Outcome> {
    let scene = Scene::new()?;
    let service = scene.service(attempt, layers, start).output()?;
    let said = String::from_utf8_lossy(&service.stdout);
    let (word, rest) = said.trim().split_once(' ').unwrap_or((said.trim(), ""));
    let seen = match attempt {
        Attempt::Read | Attempt::Memory | Attempt::File | Attempt::Own => rest == scene.key,
        Attempt::Write => scene.path("written").exists(),
        Attempt::Chmod => fs::metadata(scene.path("key"))?.permissions().mode() & 0o777 == 0o666,
        Attempt::Connect => accepted(&scene.neighbour)?.is_some(),
        Attempt::Exec => rest == "ran",
        Attempt::Kill => service.status.signal() == Some(SIGKILL),
        Attempt::Socket => match accepted(&scene.database)? {
            Some(mut connection) => {
                let mut received = String::new();
                connection.read_to_string(&mut received)?;
                received == "DROP TABLE payments"
            }
            None => false,
        },
    };
    match (word, seen) {
        ("unavailable", _) => Ok(Outcome::Unavailable(rest.to_owned())),
        (_, true) => Ok(Outcome::Done),
        ("refused", false) => Ok(Outcome::Refused(rest.to_owned())),
        _ => Err(io::Error::other(format!(
            "the service ended, {}, and said {said:?}",
            service.status
        ))),
    }
}
// ANCHOR_END: attempt

impl Scene {
    fn new() -> io::Result<Self> {
        let folder = TempDir::new()?;
        // Another user has to come as far as the palettes.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
        // Hashers are keyed at random.
        let random = RandomState::new().hash_one(());
        let scene = Self {
            folder,
            key: format!("{}{random:016x}", str::from_utf8(KEY).unwrap_or_default()),
            neighbour: TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?,
            database: TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?,
        };
        fs::write(scene.path("key"), &scene.key)?;
        fs::set_permissions(scene.path("key"), Permissions::from_mode(0o600))?;
        let palettes = scene.path("palettes");
        fs::create_dir(&palettes)?;
        picture::write_palette(&palettes, PALETTE)?;
        for path in [palettes.join(PALETTE), palettes] {
            let mode = if path.is_dir() { 0o755 } else { 0o644 };
            fs::set_permissions(path, Permissions::from_mode(mode))?;
        }
        Ok(scene)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn service(&self, attempt: Attempt, layers: &[Layer], start: Start) -> Command {
        let mut service = Command::new("/proc/self/exe");
        let port = |listener: &TcpListener| {
            let address = listener.local_addr();
            address.map_or(0, |address| address.port()).to_string()
        };
        service
            .args(["service", "--attempt", &attempt.to_string()])
            .args(["--start", &start.to_string()])
            .args(layers.iter().map(Layer::argument))
            .args(["--neighbour", &port(&self.neighbour)])
            .args(["--database", &port(&self.database)])
            .arg("--folder")
            .arg(self.folder.path())
            .stderr(Stdio::inherit());
        service
    }
}

/// A connection that has been made to this port, if there is one.
fn accepted(listener: &TcpListener) -> io::Result<Option<TcpStream>> {
    listener.set_nonblocking(true)?;
    match listener.accept() {
        Ok((connection, _)) => {
            connection.set_nonblocking(false)?;
            Ok(Some(connection))
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
