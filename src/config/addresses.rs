//! A key that takes one address or a list of them: `"127.0.0.1:5060"`, `["127.0.0.1:5060", "[::1]:5060"]`.
//! What the addresses are for, and which may stand beside each other, is for the sections that use them.

use std::fmt;
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Addresses of one key: a machine has few that people know.
const MAX_ADDRESSES: usize = 16;

/// In the order of the file; empty means that nothing is listened for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OneOrMore<T>(pub Vec<T>);

impl<T> OneOrMore<T> {
    pub fn one(address: T) -> Self {
        Self(vec![address])
    }
}

/// What such a key may hold.
pub trait Address: FromStr + PartialEq {
    /// As a complaint names it.
    const FORM: &str;
}

impl Address for SocketAddr {
    const FORM: &str = "an address with a port, as in 192.0.2.1:5060 or [2001:db8::1]:5060";
}

impl Address for IpAddr {
    const FORM: &str = "an address, as in 192.0.2.1 or 2001:db8::1";
}

impl<'de, T: Address> Deserialize<'de> for OneOrMore<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Addresses(PhantomData))
    }
}

struct Addresses<T>(PhantomData<T>);

impl<'de, T: Address> Visitor<'de> for Addresses<T> {
    type Value = OneOrMore<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, or a list of them", T::FORM)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        parse(text).map(OneOrMore::one)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut addresses = Vec::new();
        while let Some(text) = items.next_element::<String>()? {
            let address = parse(&text)?;
            if addresses.contains(&address) {
                return Err(A::Error::custom(format_args!("'{text}' stands here twice")));
            }
            if addresses.len() == MAX_ADDRESSES {
                return Err(A::Error::custom(format_args!("more than {MAX_ADDRESSES} addresses")));
            }
            addresses.push(address);
        }
        Ok(OneOrMore(addresses))
    }
}

fn parse<T: Address, E: Error>(text: &str) -> Result<T, E> {
    text.parse().map_err(|_| E::custom(format_args!("'{text}' is no address: expected {}", T::FORM)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[derive(Debug, Deserialize)]
    struct File {
        udp: OneOrMore<SocketAddr>,
    }

    #[test]
    fn one_or_a_list() {
        let udp = |text: &str| toml::from_str::<File>(&format!("udp = {text}")).map(|file| file.udp.0.len());
        assert_eq!(udp("\"127.0.0.1:5060\""), Ok(1));
        assert_eq!(udp("[\"127.0.0.1:5060\", \"[::1]:5060\"]"), Ok(2));
        assert_eq!(udp("[]"), Ok(0));
        for (text, complaint) in [
            ("\"127.0.0.1\"", "'127.0.0.1' is no address: expected an address with a port"),
            ("[\"[::1]:5060\", \"x\"]", "'x' is no address"),
            ("[\"[::1]:5060\", \"[::1]:5060\"]", "'[::1]:5060' stands here twice"),
            ("5060", "expected an address with a port"),
        ] {
            let error = udp(text).unwrap_err();
            assert!(error.message().contains(complaint), "{text}: {error}");
        }
    }
}
