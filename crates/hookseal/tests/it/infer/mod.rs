//! Finding schemes from captured requests alone.

mod made;
mod outcomes;
mod random;
mod vectors;

use hookseal::infer::Captured;
use hookseal::vectors::Vector;

/// The request of a vector as somebody would have captured it; the configured URL is the one that was addressed.
fn captured(vector: &Vector) -> Captured {
    let params = vector.params();
    Captured {
        method: vector.request.method.clone(),
        url: params.text("url").unwrap_or(&vector.request.url).to_owned(),
        headers: vector
            .request
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into_bytes()))
            .collect(),
        body: vector.request.body().into_owned(),
    }
}
