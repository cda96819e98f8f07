//! The reference page of the settings, `docs/configuration.md`, which is generated from the registry.

use std::fmt::Write;

use super::settings::{Kind, SETTINGS, Setting};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");

/// Where the page as it should be is left when the one in `docs` differs.
const EXPECTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/configuration.md");

const HEAD: &str = "\
# Configuration of `hookseal serve`

<!-- Generated from crates/hookseal-cli/src/config/settings.rs; a test compares the two. -->

Every setting is a flag, an environment variable and a key of a TOML file. A flag goes before a variable, a variable
before the file, and the file before the default. Everything that is wrong is reported at once, with its place, and the
server does not start. Keys that the file does not know are refused.

";

const EXAMPLE: &str = "\
## A file

```toml
listen = \"0.0.0.0:8040\"
data = \"/var/lib/hookseal\"
allow_networks = [\"10.0.0.0/8\"]
max_body = 524288
log = \"info\"
log_format = \"json\"
```

```sh
HOOKSEAL_OPERATOR_KEY=hs_live_... hookseal serve --config hookseal.toml
```
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    for setting in SETTINGS {
        write_setting(setting, &mut page);
    }
    page + EXAMPLE
}

fn write_setting(setting: &Setting, page: &mut String) {
    let Setting { key, in_file, flag, variable, value, default, kind, doc } = setting;
    let repeated = if *kind == Kind::Texts { ", which may be repeated" } else { "" };
    let commas = if *kind == Kind::Texts { ", separated by commas" } else { "" };
    let in_file = match (in_file, kind) {
        (false, _) => "not in the file".to_owned(),
        (true, Kind::Text) => format!("`{key} = \"...\"`"),
        (true, Kind::Number) => format!("`{key} = ...`"),
        (true, Kind::Boolean) => format!("`{key} = true`"),
        (true, Kind::Texts) => format!("`{key} = [\"...\", ...]`"),
    };
    let default = if default.contains(' ') || *default == "none" {
        (*default).to_owned()
    } else {
        format!("`{default}`")
    };
    let value = if *kind == Kind::Boolean { format!("[={value}]") } else { format!(" {value}") };
    let written = write!(
        page,
        "## {key}\n\n{doc}\n\n- Flag: `--{flag}{value}`{repeated}\n- Variable: `{variable}`{commas}\n- File: \
         {in_file}\n- Default: {default}\n\n",
    );
    assert_eq!(written, Ok(()), "a text takes whatever is written to it");
}

#[test]
fn the_page_is_what_the_registry_says() {
    let expected = page();
    let found = std::fs::read_to_string(PAGE).unwrap_or_default();
    if found != expected {
        std::fs::create_dir_all(std::path::Path::new(EXPECTED).parent().unwrap()).unwrap();
        std::fs::write(EXPECTED, expected).unwrap();
        panic!("docs/configuration.md is not up to date: copy target/configuration.md over it");
    }
}

#[test]
fn settings_are_told_apart_and_named_alike() {
    for (index, setting) in SETTINGS.iter().enumerate() {
        let others = &SETTINGS[..index];
        assert!(
            others.iter().all(|other| other.key != setting.key && other.flag != setting.flag),
            "{}",
            setting.key
        );
        assert_eq!(setting.variable, format!("HOOKSEAL_{}", setting.key.to_uppercase()));
        assert_eq!(setting.key.trim_end_matches('s'), setting.flag.replace('-', "_").trim_end_matches('s'));
    }
}
