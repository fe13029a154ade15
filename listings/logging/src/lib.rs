//! What the programs of this listing share: handlers, and the line of the module scope.

pub mod handlers;

/// Prints the line by which a process shows that it passed through the top of `main`.
pub fn module_scope() {
    handlers::print(format_args!(
        "{} - Print[MODULE SCOPE]: module scope reached.",
        module_path!()
    ));
}
