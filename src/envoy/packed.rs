//! `google.protobuf.Any` as it travels: one reading for all who look into a message.

use super::schema::{self, MessageType};
use super::wire::{Fields, Value};

/// An encoded `Any`, taken apart.
pub(super) struct Packed<'a> {
    /// The type that its URL names; `None` where it is not known here.
    pub(super) kind: Option<&'static MessageType>,
    /// The message in it; empty where it has none.
    pub(super) message: &'a [u8],
}

impl<'a> Packed<'a> {
    /// Of a field that is there twice the last one counts, as for every reader of protobuf.
    pub(super) fn of(any: &'a [u8]) -> Self {
        const TYPE_URL: u32 = 1;
        const VALUE: u32 = 2;
        let (mut url, mut message) = (&[][..], &[][..]);
        for field in Fields::of(any) {
            match (field.number, field.value) {
                (TYPE_URL, Value::Bytes(given)) => url = given,
                (VALUE, Value::Bytes(given)) => message = given,
                _ => {}
            }
        }
        Self {
            kind: str::from_utf8(url).ok().and_then(schema::find),
            message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::append;
    use super::*;

    #[test]
    fn the_last_of_doubled_fields_counts() {
        let mut any = Vec::new();
        for (url, message) in [
            ("type.googleapis.com/google.protobuf.Duration", b"first"),
            (
                "type.googleapis.com/envoy.config.cluster.v3.Cluster",
                b"again",
            ),
        ] {
            append(&mut any, 1, url.as_bytes());
            append(&mut any, 2, message);
        }
        let packed = Packed::of(&any);
        let kind = packed.kind.map(|kind| kind.name);
        assert_eq!(kind, Some("envoy.config.cluster.v3.Cluster"));
        assert_eq!(packed.message, b"again");
    }

    #[test]
    fn an_any_of_nothing_has_no_type() {
        let packed = Packed::of(b"");
        assert!(packed.kind.is_none() && packed.message.is_empty());
    }
}
