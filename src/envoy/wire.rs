//! The protobuf wire format, where a message is read or put together without being decoded.

use bytes::BufMut;
use prost::encoding::{
    WireType, decode_varint, encode_key, encode_varint, encoded_len_varint, key_len,
};

/// What to reserve for a field beside its value, for its key and length: a hint for a capacity, which is
/// seldom too small.
pub const AROUND: usize = 4;

/// Appends a length-delimited field to an encoded message: for a repeated message field, one more
/// element.
pub fn append(message: &mut impl BufMut, field: u32, value: &[u8]) {
    encode_key(field, WireType::LengthDelimited, message);
    encode_varint(value.len() as u64, message);
    message.put_slice(value);
}

/// A message of some length-delimited fields, encoded. Where its type has many more, this runs through far less
/// code than a message of that type does when it encodes itself, and thousands are made at once.
pub fn message(fields: &[(u32, &[u8])]) -> Vec<u8> {
    let lengths = fields.iter().map(|(field, value)| {
        key_len(*field) + encoded_len_varint(value.len() as u64) + value.len()
    });
    let mut message = Vec::with_capacity(lengths.sum());
    for (field, value) in fields {
        append(&mut message, *field, value);
    }
    message
}

/// The value of a field as it travels; what it means depends on the field's type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

/// One field of an encoded message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field<'a> {
    pub(crate) number: u32,
    pub(crate) value: Value<'a>,
    /// The field with its key, as it is in the message.
    pub(crate) raw: &'a [u8],
}

/// Goes through the fields of an encoded message; stops where it is malformed.
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Self(message)
    }

    /// Most numbers are one byte. Prost reads the others, and allocates for an error, such as that the
    /// message ends.
    #[inline]
    fn varint(&mut self) -> Option<u64> {
        match self.0 {
            [byte @ 0..0x80, rest @ ..] => {
                self.0 = rest;
                Some(u64::from(*byte))
            }
            [] => None,
            _ => decode_varint(&mut self.0).ok(),
        }
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    // Half of what a walk costs is here, unless the compiler sees what each walk needs of a field.
    #[inline(always)]
    fn next(&mut self) -> Option<Field<'a>> {
        let start = self.0;
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(usize::try_from(length).ok()?)?)
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.take(4)?.try_into().ok()?)),
            _ => return None,
        };
        Some(Field {
            number: u32::try_from(key >> 3).ok()?,
            value,
            raw: start.get(..start.len() - self.0.len())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_until_the_message_ends_or_breaks() {
        let mut message = Vec::new();
        append(&mut message, 3, b"abc");
        append(&mut message, 1, b"");
        let read: Vec<_> = Fields::of(&message).map(|f| (f.number, f.value)).collect();
        assert_eq!(read, [(3, Value::Bytes(b"abc")), (1, Value::Bytes(b""))]);
        assert_eq!(Fields::of(&message[..4]).count(), 0);
        assert_eq!(
            Fields::of(&[0x0b, 0x0c]).count(),
            0,
            "groups are not Envoy's"
        );
    }
}
