use std::ffi::{OsStr, OsString};

/// The environment variables, as a lookup, so that reading settings is a pure function.
pub(crate) trait Environment {
    /// The value of a variable.
    fn value(&self, name: &OsStr) -> Option<OsString>;
}

/// The environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the adapter through which all others read variables"
    )]
    fn value(&self, name: &OsStr) -> Option<OsString> {
        std::env::var_os(name)
    }
}
