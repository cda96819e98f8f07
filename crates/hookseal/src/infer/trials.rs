//! What is tried: each field that may be a signature with each key and each algorithm of its length.

use std::rc::Rc;

use super::captured::Captured;
use super::fields::{Field, Place};
use super::keys::{self, Pipeline};
use super::layout::{Layout, Signed};
use super::search::{Budget, Walk};
use super::shapes::{Shape, Signature};
use super::stages::{Family, GAPS, Stage};
use super::values::{Atom, atoms};
use crate::key::{Key, RunningMac};
use crate::scheme::{Algorithm, DigestKind};
use crate::secret::Secret;

/// One key and algorithm for the signatures of one field.
pub(super) struct Trial<'t> {
    pub(super) family: Family,
    field: &'t Field,
    signatures: Vec<&'t Signature>,
    algorithm: Algorithm,
    pipeline: Pipeline,
    start: RunningMac,
    atoms: Rc<[Atom]>,
    versions: Rc<[String]>,
}

/// Every trial, in the order in which they are made within a stage.
pub(super) fn trials<'t>(sample: &Captured, fields: &[&'t Field], secrets: &[Secret]) -> Vec<Trial<'t>> {
    let mut trials = Vec::new();
    for field in fields {
        let atoms: Rc<[Atom]> = atoms(sample, field).into();
        let versions: Rc<[String]> = versions(field).into();
        for secret in secrets.iter().filter(|secret| !secret.expose().is_empty()) {
            for pipeline in keys::pipelines(secret) {
                let of = |algorithm| Trial::new(field, algorithm, secret, &pipeline, &atoms, &versions);
                let hmac = DigestKind::NAMES.iter().map(|(_, digest)| Algorithm::Hmac(*digest));
                trials.extend(hmac.chain([Algorithm::Hash(DigestKind::Sha256)]).filter_map(of));
            }
        }
    }
    trials
}

impl<'t> Trial<'t> {
    /// Nothing where no signature has the length, or the secret is not what the pipeline needs.
    fn new(
        field: &'t Field,
        algorithm: Algorithm,
        secret: &Secret,
        pipeline: &Pipeline,
        atoms: &Rc<[Atom]>,
        versions: &Rc<[String]>,
    ) -> Option<Self> {
        let length = algorithm.signature_length();
        let fits = |signature: &&Signature| Some(signature.bytes.len()) == length;
        let signatures: Vec<&Signature> = field.reading.signatures.iter().filter(fits).collect();
        if signatures.is_empty() {
            return None;
        }
        let key = Key::prepare(algorithm, &keys::steps(pipeline), secret, 0).ok()?;
        let (family, start, atoms) = match (&key, algorithm) {
            (Key::Mac(mac), _) => (Family::Hmac, mac.start(), Rc::clone(atoms)),
            (Key::Secret(secret), Algorithm::Hash(digest)) => {
                let with_secret = atoms.iter().cloned().chain([Atom::secret(secret.expose())]);
                (Family::Hash, RunningMac::plain(digest), with_secret.collect())
            }
            (Key::Secret(_) | Key::Public(_), _) => return None,
        };
        let pipeline = pipeline.clone();
        let versions = Rc::clone(versions);
        Some(Self { family, field, signatures, algorithm, pipeline, start, atoms, versions })
    }

    /// What fits of a stage.
    pub(super) fn layouts(&self, stage: Stage, budget: &mut Budget) -> Vec<Layout<'_>> {
        let targets: Vec<&[u8]> = self.signatures.iter().map(|signature| &*signature.bytes).collect();
        let hits = Walk::new(stage, &self.atoms, &targets, budget).run(&self.start, &self.versions);
        let layout = |hit: super::search::Hit| {
            let signed = |step: &super::search::Step| {
                let atom = &self.atoms[step.atom];
                Signed { gap: GAPS[step.gap], atom, source: &atom.sources[0] }
            };
            Layout {
                field: self.field,
                signature: self.signatures[hit.target],
                algorithm: self.algorithm,
                pipeline: &self.pipeline,
                version: hit.version,
                values: hit.steps.iter().map(signed).collect(),
            }
        };
        hits.into_iter().map(layout).collect()
    }
}

/// What may stand before the signed values: the version that the signature names, and the usual ones.
fn versions(field: &Field) -> Vec<String> {
    let prefix = match &field.reading.shape {
        Shape::Prefix { prefix, .. } => prefix.trim_end_matches(|last: char| !last.is_ascii_alphanumeric()),
        Shape::Bare | Shape::Pairs { .. } => "",
    };
    let keys = field.reading.signatures.iter().filter_map(|signature| signature.key.as_deref());
    let numbered = match &field.place {
        Place::Header { name, .. } => name.rsplit('-').next().unwrap_or_default(),
        _ => "",
    };
    let mut versions: Vec<String> = Vec::new();
    for version in keys.chain([prefix, numbered]).filter(|text| is_version(text)).chain(["v0", "v1"]) {
        if !versions.iter().any(|known| known == version) {
            versions.push(version.to_owned());
        }
    }
    versions
}

/// Letters and then digits, as in `v0`.
fn is_version(text: &str) -> bool {
    let letters = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let digits = &text.as_bytes()[letters..];
    (1..=3).contains(&letters) && (1..=2).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
}
