//! Fetching keys, from a key server on loopback that every name resolves to.

mod certificates;
mod limits;
mod profiles;
mod sets;
mod world;
