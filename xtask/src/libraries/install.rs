//! Installing the libraries below the target folder, from their lock files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{catalogue::Runner, sources};
use crate::shell::{run_in, target};

/// A runner with its libraries.
pub(super) struct Installed {
    pub(super) program: PathBuf,
    pub(super) script: PathBuf,
    pub(super) folder: PathBuf,
}

/// Installs what the lock file of a runner names, unless that was done already.
pub(super) fn runner(runner: Runner) -> Result<Installed, Box<dyn std::error::Error>> {
    let (name, files): (&str, &[&str]) = match runner {
        Runner::Node => {
            ("node", &["package.json", "package-lock.json", ".npmrc", "libraries.mjs", "run.mjs"])
        }
        Runner::Python => ("python", &["requirements.txt", "libraries.py"]),
    };
    let lock = if runner == Runner::Node { "package-lock.json" } else { "requirements.txt" };
    let folder = target().join("libraries").join(name);
    fs::create_dir_all(&folder)?;
    // Named like nothing that is copied, and written last: an installation that was cut short is done again.
    let stamp = folder.join("installed");
    let wanted = fs::read(sources(runner).join(lock))?;
    for file in files {
        fs::copy(sources(runner).join(file), folder.join(file))?;
    }
    if fs::read(&stamp).ok().as_deref() != Some(&wanted) {
        match runner {
            Runner::Node => run_in(&folder, "npm", &["ci", "--ignore-scripts", "--no-audit", "--no-fund"])?,
            Runner::Python => install_python(&folder)?,
        }
        fs::write(&stamp, wanted)?;
    }
    let (program, script) = match runner {
        Runner::Node => (PathBuf::from("node"), folder.join("run.mjs")),
        Runner::Python => (folder.join("environment/bin/python"), folder.join("libraries.py")),
    };
    Ok(Installed { program, script, folder })
}

fn install_python(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    run_in(folder, "python3", &["-m", "venv", "--clear", "environment"])?;
    let arguments =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"];
    run_in(folder, "environment/bin/python", &arguments)
}
