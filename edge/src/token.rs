use axum::http::HeaderMap;
use configmgt_contract::{Fault, Status};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// The header that carries the token.
pub(crate) const HEADER: &str = "x-auth-token";

/// A token that clients may show, kept only as its digest.
#[derive(Debug, Clone)]
pub struct Token {
    /// Stands for whoever shows it, in logs and as the actor of a change.
    name: String,
    digest: [u8; 32],
}

impl Token {
    pub fn new(name: impl Into<String>, token: &str) -> Self {
        Self { name: name.into(), digest: Sha256::digest(token).into() }
    }
}

/// The tokens that are accepted.
#[derive(Debug, Clone)]
pub struct Tokens(Vec<Token>);

impl Tokens {
    pub const fn new(tokens: Vec<Token>) -> Self {
        Self(tokens)
    }

    /// The name of the token that the request shows. How long it takes says nothing about the tokens.
    pub(crate) fn actor(&self, headers: &HeaderMap) -> Result<&str, Fault> {
        let shown = headers.get(HEADER).map(|value| Sha256::digest(value.as_bytes()));
        let shown = shown.ok_or_else(|| Fault::new(Status::Unauthorized, "the header X-Auth-Token is missing"))?;
        let mut found = 0_u32;
        let mut matched = Choice::from(0);
        for (position, token) in (0_u32..).zip(&self.0) {
            let same = token.digest.ct_eq(&shown[..]);
            found.conditional_assign(&position, same);
            matched |= same;
        }
        if bool::from(matched) {
            Ok(&self.0[found as usize].name)
        } else {
            Err(Fault::new(Status::Unauthorized, "the token in X-Auth-Token is not valid"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_is_known_by_its_name_and_no_other_is_known() {
        let tokens = Tokens::new(vec![Token::new("a", "first"), Token::new("b", "second")]);
        let shown = |token: &str| HeaderMap::from_iter([(HEADER.parse().unwrap(), token.parse().unwrap())]);
        assert_eq!(tokens.actor(&shown("first")), Ok("a"));
        assert_eq!(tokens.actor(&shown("second")), Ok("b"));
        assert_eq!(tokens.actor(&shown("secon")).unwrap_err().status, Status::Unauthorized);
        assert_eq!(tokens.actor(&shown("")).unwrap_err().status, Status::Unauthorized);
        assert_eq!(tokens.actor(&HeaderMap::new()).unwrap_err().status, Status::Unauthorized);
    }
}
