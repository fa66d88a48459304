//! What a program says about its version.

use std::path::Path;
use std::process::Command;

use crate::Error;

/// The oldest nats-server whose streams and consumers do what the product asks of them; older ones ignore some of it
/// silently.
const NATS: ((u32, u32), &str) = ((2, 12), "2.12");

/// The oldest PostgreSQL that the product's SQL is valid on.
const POSTGRES: ((u32, u32), &str) = ((15, 0), "15");

/// Refuses a nats-server that is too old.
pub(crate) fn require_nats(program: &Path) -> Result<(), Error> {
    at_least(program, NATS).map(|_| ())
}

/// The major version of this `postgres`; refuses one that is too old.
pub(crate) fn require_postgres(program: &Path) -> Result<u32, Error> {
    at_least(program, POSTGRES).map(|(major, _)| major)
}

fn at_least(program: &Path, (oldest, needed): ((u32, u32), &'static str)) -> Result<(u32, u32), Error> {
    let output = Command::new(program).arg("--version").current_dir("/").output().map_err(Error::io("run", program))?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let found = first_number(&said).ok_or_else(|| Error::Failed {
        what: format!("{} --version", program.display()),
        how: format!("answered {said:?} ({})", output.status),
        log: String::from_utf8_lossy(&output.stderr).into_owned(),
    })?;
    if found < oldest {
        return Err(Error::TooOld { program: program.to_owned(), found: format!("{}.{}", found.0, found.1), needed });
    }
    Ok(found)
}

/// The first `major.minor` in a text; the minor is 0 where there is none (`18beta1`).
fn first_number(text: &str) -> Option<(u32, u32)> {
    let (start, _) = text.char_indices().find(|(_, letter)| letter.is_ascii_digit())?;
    let mut parts = text[start..].split('.').map(|part| {
        let digits = part.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(part.len());
        part[..digits].parse().ok()
    });
    let major = parts.next()??;
    let minor = parts.next().flatten().unwrap_or(0);
    Some((major, minor))
}

#[cfg(test)]
mod tests {
    use super::first_number;

    #[test]
    fn versions_are_found_in_what_the_servers_say() {
        assert_eq!(first_number("nats-server: v2.15.1"), Some((2, 15)));
        assert_eq!(first_number("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"), Some((15, 14)));
        assert_eq!(first_number("postgres (PostgreSQL) 19beta1"), Some((19, 0)));
        assert_eq!(first_number("not a version"), None);
    }
}
