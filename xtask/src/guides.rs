//! The code of the guides, executed in every language that it is written in.

use std::path::{Path, PathBuf};

use crate::shell::{Done, is_there, run, run_in, target};

/// What runs each language: how to see that it is there, and its package in Debian 12.
const RUNTIMES: &[(&str, &[&str], &str)] = &[
    ("node", &["--version"], "nodejs"),
    ("python3", &["--version"], "python3"),
    // Debian leaves these out of Python; the samples' one package is installed with them.
    ("python3", &["-c", "import ensurepip, venv"], "python3-venv"),
    ("go", &["version"], "golang-go"),
    ("ruby", &["--version"], "ruby"),
    ("php", &["--version"], "php-cli"),
    ("javac", &["-version"], "default-jdk-headless"),
];

/// What the samples in Python need for public keys.
const CRYPTOGRAPHY: &str = "cryptography==48.0.0";

/// The profiles whose pages are kept below docs/guides.
const KEPT: &[&str] = &["harbor-lockers", "harbor-node", "harbor-transfers", "harmon", "harvestr"];

/// Run the code of the guides in every language; a runtime that is missing is a failure
#[derive(clap::Args)]
pub(crate) struct Guides {
    /// Install what is missing with apt-get first, as on a machine of the continuous integration
    #[arg(long)]
    install: bool,
    /// Write the pages below docs/guides anew before
    #[arg(long)]
    write: bool,
}

impl Guides {
    pub(crate) fn run(&self) -> Done {
        if self.install {
            install()?;
        }
        if self.write {
            write()?;
        }
        let test = ["--package", "hookseal", "--test", "guide", "--", "--nocapture"];
        test_with_runtimes(&test)
    }
}

/// Runs `cargo test`, and has the tests of the guides fail where a runtime is missing.
pub(crate) fn test_with_runtimes(arguments: &[&str]) -> Done {
    let python = format!("HOOKSEAL_PYTHON={}", python()?.display());
    // The variables are given through `env`, the environment of this process being an input and no channel.
    let test = ["HOOKSEAL_REQUIRE_RUNTIMES=1", python.as_str(), "cargo", "test", "--locked"];
    run("env", &[&test[..], arguments].concat())
}

/// Installs the runtimes that are missing, with apt-get where that is there and may be run.
pub(crate) fn install() -> Done {
    let missing = RUNTIMES.iter().filter(|(program, arguments, _)| !is_there(program, arguments));
    let packages: Vec<&str> = missing.map(|(_, _, package)| *package).collect();
    if packages.is_empty() {
        return Ok(());
    }
    if !is_there("apt-get", &["--version"]) || !is_there("sh", &["-c", "test \"$(id -u)\" = 0"]) {
        let packages = packages.join(" ");
        let problem = "the code of the guides is run in its languages, and these runtimes are missing";
        return Err(
            format!("{problem}: install what Debian names {packages}, or run this as root there").into()
        );
    }
    run("apt-get", &["update"])?;
    let install =
        ["DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes", "--no-install-recommends"];
    run("env", &[&install[..], &packages].concat())
}

/// A Python that has what the samples need: the machine's, or one below the target folder.
fn python() -> Result<PathBuf, Box<dyn std::error::Error>> {
    const LOOK: [&str; 2] = ["-c", "import cryptography"];
    if is_there("python3", &LOOK) {
        return Ok(PathBuf::from("python3"));
    }
    let folder = target().join("guides");
    let python = folder.join("environment/bin/python");
    if !python.to_str().is_some_and(|python| is_there(python, &LOOK)) {
        std::fs::create_dir_all(&folder)?;
        environment(&folder)?;
    }
    Ok(python)
}

fn environment(folder: &Path) -> Done {
    run_in(folder, "python3", &["-m", "venv", "--clear", "environment"])?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", CRYPTOGRAPHY];
    run_in(folder, "environment/bin/python", &install)
}

fn write() -> Done {
    for name in KEPT {
        let page = format!("docs/guides/{name}.md");
        let guide =
            ["run", "--quiet", "--package", "hookseal-cli", "--", "guide", "--profile", name, "--out", &page];
        run("cargo", &guide)?;
    }
    Ok(())
}
