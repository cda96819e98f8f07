//! A disk that does as it is told, under a server that runs unchanged.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::{Failed, Options};

/// A folder whose syncs and writes obey a control file, by a shim that the server is started with.
pub struct Disk {
    folder: PathBuf,
    data: PathBuf,
}

impl Disk {
    /// Compiles the shim in `source` into `folder`; the server's data is to lie below it.
    ///
    /// # Errors
    ///
    /// [`Failed`] where there is no C compiler, or the shim does not compile.
    pub fn compile(folder: &Path, source: &Path) -> Result<Self, Failed> {
        let disk = Self { folder: folder.to_owned(), data: folder.join("data") };
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(disk.shim()).arg(source).arg("-ldl");
        if compiler.status()?.success() { Ok(disk) } else { Err(Failed::new("the shim does not compile")) }
    }

    /// Where the server keeps its data.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// A server on this disk.
    pub fn options(&self, binary: &Path) -> Options {
        let mut options = Options::new(binary, &self.data);
        options.environment = vec![
            ("LD_PRELOAD".into(), self.shim().display().to_string()),
            ("HOOKSEAL_SYNC_CONTROL".into(), self.control().display().to_string()),
            ("HOOKSEAL_SYNC_PATH".into(), self.data.display().to_string()),
        ];
        options
    }

    /// Has the disk obey an order of the shim from now on: `pass`, `delay MS`, `fail` or `full`.
    ///
    /// # Errors
    ///
    /// Where the order cannot be written.
    pub fn set(&self, order: &str) -> Result<(), Failed> {
        // Renamed into place, so that no call of the shim reads half of it.
        let next = self.folder.join("control.next");
        std::fs::write(&next, order)?;
        Ok(std::fs::rename(&next, self.control())?)
    }

    fn shim(&self) -> PathBuf {
        self.folder.join("syncshim.so")
    }

    fn control(&self) -> PathBuf {
        self.folder.join("control")
    }
}
