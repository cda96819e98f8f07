//! The only outbound sockets of Hookseal: resolve, check every address, pin it, connect, send, cap time and bytes.
