//! Every near miss is made on purpose, and has to be named.

mod address;
mod body;
mod clock;
mod content;
mod effort;
mod form;
mod header;
mod json;
mod known_answers;
mod observed;
mod secret;
mod support;
