//! A header map as the library reads headers: every line of a name.

use hookseal::Headers;
use http::HeaderMap;

/// The lines of a request. Lines with the same name stay apart, so that a signature that stands twice is seen.
pub(crate) struct Lines<'h>(pub(crate) &'h HeaderMap);

impl Headers for Lines<'_> {
    fn lines<'h>(&'h self, name: &str, found: &mut dyn FnMut(&'h [u8])) {
        self.0.get_all(name).into_iter().for_each(|value| found(value.as_bytes()));
    }
}
