//! Percent-encoding (RFC 3986).

/// The text with every byte that is not plain as `%` and two hexadecimal digits.
pub fn encode(text: &str, plain: impl Fn(u8) -> bool) -> String {
    let encoded = |byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encoded).collect()
}

/// Reads back what [`encode`] wrote.
pub fn decode(encoded: &str) -> Option<String> {
    let mut parts = encoded.split('%');
    let mut text = parts.next()?.as_bytes().to_vec();
    for part in parts {
        text.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        text.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(text).ok()
}
