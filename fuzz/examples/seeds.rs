//! Writes the first inputs of every target from a vector file: `seeds VECTORS CORPUS`.

use std::fs;
use std::path::{Path, PathBuf};

use hookseal::Mode;
use hookseal::vectors::VectorFile;
use hookseal_fuzz::{Given, PROFILES};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [vectors, corpus] = arguments.as_slice() else { return Err("usage: seeds VECTORS CORPUS".into()) };
    let file = VectorFile::parse(&fs::read(vectors)?)?;
    for vector in file.vectors() {
        let Some(profile) = PROFILES.iter().position(|profile| profile.scheme_for(&vector.scheme).is_some())
        else {
            continue;
        };
        let secret = vector.secrets().next().unwrap_or_default();
        let headers = &vector.request.headers;
        let mode = if vector.mode.as_deref() == Some("compat") { Mode::Compat } else { Mode::Strict };
        let whole = Given::write(profile, mode, secret, &vector.request.url, headers, &vector.request.body());
        for target in ["verify", "explain", "infer", "jwt"] {
            write(corpus, target, &vector.id, &whole)?;
        }
        for (_, value) in headers {
            let grammar = [&[u8::try_from(profile)?, 2], value.as_bytes()].concat();
            write(corpus, "header_grammars", &format!("{}-{}", &vector.id, value.len()), &grammar)?;
        }
        let key = [&[u8::try_from(profile)?], secret.as_bytes()].concat();
        write(corpus, "keys", &vector.id, &key)?;
        let field = |wanted: &str| {
            headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map_or("", |(_, value)| value)
        };
        let fields = [field("signature-input"), field("signature"), field("content-digest")].join("\n");
        let fields = [fields.as_bytes(), b"\n", &vector.request.body()].concat();
        write(corpus, "structured_fields", &vector.id, &fields)?;
    }
    for profile in PROFILES.iter() {
        write(corpus, "profile_toml", profile.name(), profile.source().as_bytes())?;
    }
    Ok(())
}

fn write(corpus: &Path, target: &str, name: &str, data: &[u8]) -> std::io::Result<()> {
    let folder = corpus.join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), data)
}
