//! The machine that makes a record.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use crate::record::cast::HostCard;

/// This machine, with the `rustc` that builds the package in `dir`.
pub fn card(dir: &Path) -> Result<HostCard> {
    // A book of other languages may have none.
    card_with(rustc(dir, None).unwrap_or_default())
}

/// This machine, with a compiler's name and version.
pub fn card_with(rustc: String) -> Result<HostCard> {
    let system = System::new_with_specifics(
        RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing())
            .with_memory(MemoryRefreshKind::nothing().with_ram()),
    )
    .context("cannot ask for processor and memory")?;
    let brand = system.cpus().first().map(|cpu| cpu.brand().trim());
    let kernel = nix::sys::utsname::uname().context("cannot ask for the kernel's name")?;
    Ok(HostCard {
        cpu: match brand {
            Some(brand) if !brand.is_empty() => brand.to_owned(),
            _ => std::env::consts::ARCH.to_owned(),
        },
        cores: system.cpus().len(),
        memory_mib: system.total_memory() >> 20,
        kernel: format!(
            "{} {}",
            kernel.sysname().to_string_lossy(),
            kernel.release().to_string_lossy()
        ),
        rustc,
        thp: huge_pages(),
        virtual_machine: is_virtual_machine(),
    })
}

/// `rustc --version` in that folder: a toolchain file there may choose another one than
/// elsewhere; or that of the compiler that rustup calls so.
pub fn rustc(dir: &Path, toolchain: Option<&str>) -> Result<String> {
    let program = match toolchain {
        None => std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()),
        Some(_) => "rustup".into(),
    };
    let mut command = Command::new(&program);
    if let Some(toolchain) = toolchain {
        command.args(["run", toolchain, "rustc"]);
    }
    let output = command
        .arg("--version")
        .current_dir(dir)
        .output()
        .with_context(|| format!("cannot run {} --version", program.display()))?;
    ensure!(
        output.status.success(),
        "rustc --version: {}",
        output.status
    );
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether the processor says that a hypervisor runs below: the flag of that name in
/// `/proc/cpuinfo` (bit 31 of ECX of CPUID leaf 1), which x86 alone has.
fn is_virtual_machine() -> bool {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = cpus.lines().find(|line| line.starts_with("flags"));
    flags.is_some_and(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor"))
}

/// The mode that stands in brackets: the kernel's "Transparent Hugepage Support".
fn huge_pages() -> String {
    let modes = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
    let modes = modes.unwrap_or_default();
    let chosen = modes
        .split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'));
    chosen.map_or("unknown", |(mode, _)| mode).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_card_has_every_fact() {
        let card = card(Path::new(".")).expect("this machine can be asked");
        assert!(!card.cpu.is_empty() && card.cores > 0 && card.memory_mib > 0);
        assert!(card.kernel.contains(' '), "{}", card.kernel);
        assert!(card.rustc.starts_with("rustc 1."), "{}", card.rustc);
        assert!(["always", "madvise", "never", "unknown"].contains(&card.thp.as_str()));
    }
}
