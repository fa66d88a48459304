use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::Error;

/// Bytes fit for a secret, from the kernel.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], Error> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0; N];
    File::open(source).and_then(|mut file| file.read_exact(&mut bytes)).map_err(Error::io("read", source))?;
    Ok(bytes)
}

/// A generated password. It keeps itself out of debug output.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// A word of 32 hexadecimal digits that nobody guesses.
pub(crate) fn word() -> Result<String, Error> {
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes::<16>()?)))
}
