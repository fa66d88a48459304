//! The servers that SIP clients find their way through NATs with.

use std::{borrow::Cow, fmt, net::Ipv6Addr, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, SchemaFormat, Type},
};

use crate::{Example, NoRefusal, Versioned, blank, events::Object, service, users::SERVICE};

/// The most characters of a host name.
const MAX_HOST: usize = 253;

service! {
    /// The ICE servers, owned by the `users` service.
    pub trait IceServers("users", "ice_servers") refuses NoRefusal {
        /// Get sip configuration
        ///
        /// Answers the configured STUN address, or an empty object where there is none.
        read fn get(GetIceServers) -> Versioned<IceConfiguration>;

        /// Update sip configuration
        ///
        /// Replaces the STUN address; one that is left out is removed.
        write fn set(SetIceServers) -> Versioned<IceConfiguration>;
    }
}

/// What SIP clients are told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IceConfiguration {
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "blank::is_left_out")]
    pub stun_address: Option<StunAddress>,
}

impl Object for IceConfiguration {
    const SERVICE: &'static str = SERVICE;
    const NAME: &'static str = "ice_servers";
}

/// The URI of a STUN server (RFC 7064) or of a TURN server (RFC 7065).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StunAddress(String);

impl StunAddress {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is no [`StunAddress`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoStunAddress(&'static str);

impl fmt::Display for NoStunAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl FromStr for StunAddress {
    type Err = NoStunAddress;

    /// Reads `<scheme>:<host>[:<port>]`, for a TURN server maybe with `?transport=udp` or `?transport=tcp`.
    fn from_str(text: &str) -> Result<Self, NoStunAddress> {
        let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
        let relays = match scheme {
            "stun" | "stuns" => false,
            "turn" | "turns" => true,
            _ => return Err(NoStunAddress("it does not begin with stun:, stuns:, turn: or turns:")),
        };
        let (authority, query) = match rest.split_once('?') {
            Some((authority, query)) => (authority, Some(query)),
            None => (rest, None),
        };
        match query {
            Some(_) if !relays => return Err(NoStunAddress("?transport= belongs to turn: and turns: only")),
            None | Some("transport=udp" | "transport=tcp") => {}
            Some(_) => return Err(NoStunAddress("behind its ? is neither transport=udp nor transport=tcp")),
        }
        let (host, port) = authority.split_at(end_of_host(authority));
        if !is_host(host) {
            return Err(NoStunAddress("its host is neither a name nor an IP address, an IPv6 one in brackets"));
        }
        if !port.is_empty() && !port.strip_prefix(':').is_some_and(is_port) {
            return Err(NoStunAddress("its port is no number from 1 to 65535"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Where the host of `host:port` ends; an IPv6 address has colons of its own, and stands in brackets.
fn end_of_host(authority: &str) -> usize {
    let end = if authority.starts_with('[') { authority.find(']').map(|end| end + 1) } else { authority.find(':') };
    end.unwrap_or(authority.len())
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[') {
        return address.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    let of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    (1..=MAX_HOST).contains(&host.len()) && host.bytes().all(of_a_name)
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

impl<'de> Deserialize<'de> for StunAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl PartialSchema for StunAddress {
    fn schema() -> RefOr<Schema> {
        let description = "The URI of a STUN or TURN server: `stun:`, `stuns:`, `turn:` or `turns:`, the host, maybe `:` and the \
                           port; for TURN maybe `?transport=udp` or `?transport=tcp`.";
        let address =
            ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::Custom("uri".to_owned())));
        address.description(Some(description)).into()
    }
}

impl ToSchema for StunAddress {
    fn name() -> Cow<'static, str> {
        "StunAddress".into()
    }
}

/// Asks what SIP clients are told.
#[derive(Debug, Serialize, Deserialize)]
pub struct GetIceServers {}

/// Says what SIP clients are to be told.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct SetIceServers(pub IceConfiguration);

impl Example for IceConfiguration {
    fn example() -> Self {
        Self { stun_address: Some(StunAddress("stun:stun.l.google.com:19302".to_owned())) }
    }
}

impl Example for SetIceServers {
    fn example() -> Self {
        Self(IceConfiguration::example())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> &'static str {
        text.parse::<StunAddress>().unwrap_err().0
    }

    #[test]
    fn an_address_has_a_scheme_a_host_and_maybe_a_port_and_a_transport() {
        for address in [
            "stun:stun.l.google.com:19302",
            "stuns:xivo_1",
            "turn:192.168.29.101",
            "turns:[2001:db8::1]:5349?transport=tcp",
            "turn:[::1]?transport=udp",
        ] {
            assert_eq!(address.parse::<StunAddress>().unwrap().as_str(), address);
        }
    }

    #[test]
    fn what_no_client_could_use_is_refused_with_the_reason() {
        for text in ["", "stun", "STUN:a", "sip:a", "http://a", " stun:a"] {
            assert_eq!(refusal(text), "it does not begin with stun:, stuns:, turn: or turns:", "{text}");
        }
        let long = format!("stun:{}", "a".repeat(MAX_HOST + 1));
        for text in
            ["stun:", "stun:::1", "stun:a b", "stun://a", "stun:a\0", "stun:[::1", "stun:[a]", "stun:é", long.as_str()]
        {
            let no_host = "its host is neither a name nor an IP address, an IPv6 one in brackets";
            assert_eq!(refusal(text), no_host, "{text}");
        }
        for text in ["stun:a:", "stun:a:0", "stun:a:65536", "stun:a:+1", "stun:a:1:2", "stun:[::1]1"] {
            assert_eq!(refusal(text), "its port is no number from 1 to 65535", "{text}");
        }
        assert_eq!(refusal("stun:a?transport=udp"), "?transport= belongs to turn: and turns: only");
        assert_eq!(refusal("turn:a?transport=sctp"), "behind its ? is neither transport=udp nor transport=tcp");
        assert_eq!(refusal("turn:a?"), "behind its ? is neither transport=udp nor transport=tcp");
    }
}
