use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use super::InputError;
use crate::limits;

/// The bytes of a body: those of a file, of standard input for `-`, or none.
pub(crate) fn body(path: Option<&Path>) -> Result<Vec<u8>, InputError> {
    match path {
        None => Ok(Vec::new()),
        Some(path) if path == Path::new("-") => {
            read(io::stdin().lock(), Path::new("standard input"), limits::BODY_FILE_BYTES_MAX)
        }
        Some(path) => bounded(path, limits::BODY_FILE_BYTES_MAX),
    }
}

/// The bytes of a file that may have `most` at most.
pub(crate) fn bounded(path: &Path, most: u64) -> Result<Vec<u8>, InputError> {
    let file = File::open(path).map_err(|source| InputError::Unreadable { path: path.to_owned(), source })?;
    read(file, path, most)
}

fn read(from: impl Read, path: &Path, most: u64) -> Result<Vec<u8>, InputError> {
    let mut bytes = Vec::new();
    let length = from.take(most + 1).read_to_end(&mut bytes);
    match length {
        Err(source) => Err(InputError::Unreadable { path: path.to_owned(), source }),
        Ok(length) if length as u64 > most => Err(InputError::TooLong { path: path.to_owned(), most }),
        Ok(_) => Ok(bytes),
    }
}
