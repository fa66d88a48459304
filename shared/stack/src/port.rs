//! Ports on 127.0.0.1 for servers of our own.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use crate::{Error, random};

/// Below Linux's range for outgoing connections. In that range, a client that keeps trying a server that is down can be
/// given the very port it connects to, end up connected to itself, and keep the server from coming back.
const RANGE: std::ops::Range<u16> = 15_000..32_000;

/// Why a started server did not become ready.
pub(crate) enum Unready {
    /// Somebody else was quicker to take the port.
    PortTaken(Error),
    /// Another port would not help.
    Other(Error),
}

impl Unready {
    pub(crate) fn into_error(self) -> Error {
        match self {
            Unready::PortTaken(error) | Unready::Other(error) => error,
        }
    }
}

impl From<Error> for Unready {
    fn from(error: Error) -> Unready {
        Unready::Other(error)
    }
}

/// Runs a server on the port that `file` remembers if that is free, else on another, and remembers the one it runs on.
pub(crate) fn settle<S>(file: &Path, run: impl Fn(u16) -> Result<S, Unready>) -> Result<(u16, S), Error> {
    let mut port = remembered(file).map_or_else(free, Ok)?;
    let mut attempts = 5;
    loop {
        attempts -= 1;
        match run(port) {
            Ok(server) => {
                fs::write(file, format!("{port}\n")).map_err(Error::io("write", file))?;
                return Ok((port, server));
            }
            Err(Unready::PortTaken(_)) if attempts > 0 => port = free()?,
            Err(unready) => return Err(unready.into_error()),
        }
    }
}

fn remembered(file: &Path) -> Option<u16> {
    let port = fs::read_to_string(file).ok()?.trim().parse().ok()?;
    is_free(port).then_some(port)
}

/// A port where nobody listens.
pub fn free() -> Result<u16, Error> {
    loop {
        let [low, high] = random::bytes()?;
        let port = RANGE.start + u16::from_le_bytes([low, high]) % (RANGE.end - RANGE.start);
        if is_free(port) {
            return Ok(port);
        }
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
