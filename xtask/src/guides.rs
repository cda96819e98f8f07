//! The code of the guides, executed in every language that it is written in.

use crate::shell::{Done, is_there, run};

/// What runs each language: how to see that it is there, and its package in Debian 12.
const RUNTIMES: &[(&str, &str, &str)] = &[
    ("node", "--version", "nodejs"),
    ("python3", "--version", "python3"),
    ("go", "version", "golang-go"),
    ("ruby", "--version", "ruby"),
    ("php", "--version", "php-cli"),
    ("javac", "-version", "default-jdk-headless"),
];

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

/// The profiles whose pages are kept below docs/guides.
const KEPT: &[&str] = &["harbor-lockers", "harbor-node", "harbor-transfers", "harmon", "harvestr"];

impl Guides {
    pub(crate) fn run(&self) -> Done {
        if self.install {
            install()?;
        }
        if self.write {
            write()?;
        }
        // The variable is given through `env`, the environment of this process being an input and no channel.
        let test = ["cargo", "test", "--locked", "--package", "hookseal", "--test", "guide"];
        let arguments = [&["HOOKSEAL_REQUIRE_RUNTIMES=1"], &test[..], &["--", "--nocapture"]].concat();
        run("env", &arguments)
    }
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

fn install() -> Done {
    let missing = RUNTIMES.iter().filter(|(program, argument, _)| !is_there(program, &[argument]));
    let mut packages: Vec<&str> = missing.map(|(_, _, package)| *package).collect();
    if !is_there("python3", &["-c", "import cryptography"]) {
        packages.push("python3-cryptography");
    }
    if packages.is_empty() {
        return Ok(());
    }
    run("apt-get", &["update"])?;
    run("apt-get", &[&["install", "--yes", "--no-install-recommends"], &packages[..]].concat())
}
