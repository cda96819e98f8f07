//! HTTP/2: what is sent, what is shared, and what a hostile endpoint cannot do.

mod hostile;
mod raw;
mod sharing;
