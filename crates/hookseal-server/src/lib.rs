//! The HTTP API of Hookseal and its wire types.
