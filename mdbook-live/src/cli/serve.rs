//! `mdbook-live serve`.

use std::path::Path;

use anyhow::Result;

use super::arguments::ServeOptions;
use super::exit_status::ExitStatus;
use crate::serve;

pub(super) fn serve(root: &Path, options: &ServeOptions) -> Result<ExitStatus> {
    let options = serve::Options {
        host: options.host,
        port: options.port,
        open: !options.no_open,
    };
    serve::serve(root, &options)?;
    Ok(ExitStatus::Success)
}
