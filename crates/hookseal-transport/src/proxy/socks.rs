//! Asking a SOCKS 5 proxy for a connection (RFC 1928, with the user names of RFC 1929).

use std::net::IpAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{Credentials, Refusal, Target};

const VERSION: u8 = 5;
const NO_CREDENTIALS: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const NOTHING_ACCEPTABLE: u8 = 0xff;
const USER_VERSION: u8 = 1; // RFC 1929 section 2
const CONNECT: u8 = 1;

const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

pub(super) async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    target: &Target<'_>,
    credentials: Option<&Credentials>,
) -> Result<(), Refusal> {
    greet(stream, credentials).await?;
    let request = request(target)?;
    stream.write_all(&request).await?;
    stream.flush().await?;
    let [version, reply, _, kind] = read(stream).await?;
    if version != VERSION {
        return Err(Refusal::Protocol("no SOCKS 5"));
    }
    judge(reply)?;
    // The address that the proxy connects from is of no interest, and has to be read.
    match kind {
        IPV4 => drop(read::<S, 6>(stream).await?),
        IPV6 => drop(read::<S, 18>(stream).await?),
        NAME => {
            let [length] = read(stream).await?;
            let mut name = [0; u8::MAX as usize + 2];
            stream.read_exact(&mut name[..usize::from(length) + 2]).await?;
        }
        _ => return Err(Refusal::Protocol("no address of a known kind")),
    }
    Ok(())
}

/// Agrees on how to authenticate, and does so.
async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    credentials: Option<&Credentials>,
) -> Result<(), Refusal> {
    let greeting: &[u8] = match credentials {
        Some(_) => &[VERSION, 2, NO_CREDENTIALS, USER_AND_PASSWORD],
        None => &[VERSION, 1, NO_CREDENTIALS],
    };
    stream.write_all(greeting).await?;
    stream.flush().await?;
    let [version, method] = read(stream).await?;
    match (version, method, credentials) {
        (VERSION, NO_CREDENTIALS, _) => Ok(()),
        (VERSION, USER_AND_PASSWORD, Some(Credentials { user, password })) => {
            let password = password.expose();
            let (Ok(user_length), Ok(password_length)) =
                (u8::try_from(user.len()), u8::try_from(password.len()))
            else {
                return Err(Refusal::Credentials);
            };
            let lengths = (&[USER_VERSION, user_length][..], &[password_length][..]);
            stream.write_all(&[lengths.0, user.as_bytes(), lengths.1, password].concat()).await?;
            stream.flush().await?;
            let [_, status] = read(stream).await?;
            if status == 0 { Ok(()) } else { Err(Refusal::Credentials) }
        }
        (VERSION, NOTHING_ACCEPTABLE, _) => Err(Refusal::Credentials),
        (VERSION, ..) => Err(Refusal::Protocol("a method that was not offered")),
        _ => Err(Refusal::Protocol("no SOCKS 5")),
    }
}

fn request(target: &Target<'_>) -> Result<Vec<u8>, Refusal> {
    let mut request = vec![VERSION, CONNECT, 0];
    match (target.address(), target) {
        (Some(IpAddr::V4(address)), _) => {
            request.push(IPV4);
            request.extend(address.octets());
        }
        (Some(IpAddr::V6(address)), _) => {
            request.push(IPV6);
            request.extend(address.octets());
        }
        (None, target) => {
            let Target::Name(name, _) = target else { return Err(Refusal::Protocol("no target")) };
            let too_long = |_| Refusal::Forbidden("the name is too long".to_owned());
            request.extend([NAME, u8::try_from(name.len()).map_err(too_long)?]);
            request.extend(name.bytes());
        }
    }
    request.extend(target.port().to_be_bytes());
    Ok(request)
}

/// What a reply means (RFC 1928 section 6).
fn judge(reply: u8) -> Result<(), Refusal> {
    let unreachable = |words: &str| Err(Refusal::Unreachable(words.to_owned()));
    match reply {
        0 => Ok(()),
        1 => unreachable("general failure"),
        2 => Err(Refusal::Forbidden("its rules do not allow it".to_owned())),
        3 => unreachable("network unreachable"),
        4 => unreachable("host unreachable"),
        5 => unreachable("connection refused"),
        6 => unreachable("time to live expired"),
        7 => Err(Refusal::Forbidden("it does not connect".to_owned())),
        8 => Err(Refusal::Forbidden("it does not know this kind of address".to_owned())),
        _ => Err(Refusal::Protocol("an unknown reply")),
    }
}

async fn read<S: AsyncRead + Unpin, const N: usize>(stream: &mut S) -> Result<[u8; N], Refusal> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}
