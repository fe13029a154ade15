//! The regular expressions of the C library (regex(3)).

use std::ffi::{CString, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;

use nix::libc::regex_t;

/// In glibc and in musl.
const REG_EXTENDED: c_int = 1;
const REG_NOSUB: c_int = 8;

// SAFETY: the signatures are those of regex(3).
unsafe extern "C" {
    fn regcomp(compiled: *mut regex_t, pattern: *const c_char, flags: c_int) -> c_int;
    fn regexec(
        compiled: *const regex_t,
        text: *const c_char,
        places: usize,
        found: *mut c_void,
        flags: c_int,
    ) -> c_int;
    fn regfree(compiled: *mut regex_t);
}

/// Whether some part of `text` matches `pattern`, an extended regular expression (regex(7));
/// `None` where that is none.
pub(crate) fn matches(pattern: &str, text: &str) -> Option<bool> {
    let [pattern, text] = [pattern, text].map(|words| CString::new(words).ok());
    let (pattern, text) = (pattern?, text?);
    let mut compiled = MaybeUninit::uninit();
    // SAFETY: `pattern` ends with a zero, and `compiled` has room for what is written to it.
    let status = unsafe {
        regcomp(
            compiled.as_mut_ptr(),
            pattern.as_ptr(),
            REG_EXTENDED | REG_NOSUB,
        )
    };
    if status != 0 {
        return None;
    }
    // SAFETY: regcomp(3) returned 0, so `compiled` is. `text` ends with a zero; no place is
    // asked for, so none is written.
    let status = unsafe { regexec(compiled.as_ptr(), text.as_ptr(), 0, ptr::null_mut(), 0) };
    // SAFETY: as above; nobody uses it afterwards.
    unsafe { regfree(compiled.as_mut_ptr()) };
    Some(status == 0)
}
