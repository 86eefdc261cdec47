//! The serialised strings of DUMP and RESTORE, made and read without the server's own code.
//!
//! A payload is a type byte (0: string), the value as RDB writes strings, the RDB version in two bytes and
//! a CRC-64 of all before it in eight, both little-endian. Source: the RDB format, versions 1 to 12, which
//! agree on strings.

/// The type byte of a string.
const TYPE_STRING: u8 = 0;

/// Bytes of version and checksum at the end.
const FOOTER: usize = 10;

/// How RDB may write a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Length, then the bytes.
    Plain,
    /// An integer of 8, 16 or 32 bits, for text that is one; others are written [`Form::Plain`].
    Integer,
    /// LZF, here with literal runs only: valid, though nothing shrinks.
    Lzf,
}

/// A payload for RESTORE with a valid checksum.
pub fn dump(value: &[u8], form: Form, version: u16) -> Vec<u8> {
    let mut body = vec![TYPE_STRING];
    match (form, integer_form(value)) {
        (Form::Integer, Some(bytes)) => body.extend(bytes),
        (Form::Lzf, _) if !value.is_empty() => {
            let packed: Vec<u8> =
                value.chunks(32).flat_map(|run| [&[run.len() as u8 - 1], run].concat()).collect();
            body.push(0xC3);
            push_length(&mut body, packed.len());
            push_length(&mut body, value.len());
            body.extend(packed);
        }
        _ => {
            push_length(&mut body, value.len());
            body.extend_from_slice(value);
        }
    }
    seal(body, version)
}

/// Adds version and checksum to type and value.
pub fn seal(mut body: Vec<u8>, version: u16) -> Vec<u8> {
    body.extend(version.to_le_bytes());
    let checksum = crc64(&body);
    body.extend(checksum.to_le_bytes());
    body
}

/// Type and value of a payload, without its footer; `None` when the checksum is wrong.
fn open(payload: &[u8]) -> Option<&[u8]> {
    let checked = payload.len().checked_sub(8)?;
    let checksum = u64::from_le_bytes(payload[checked..].try_into().ok()?);
    (crc64(&payload[..checked]) == checksum).then(|| payload.get(..payload.len() - FOOTER))?
}

/// The string in a payload made by DUMP, however it is encoded; `None` when the payload is no sound string.
pub fn read(payload: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader(open(payload)?);
    if reader.byte()? != TYPE_STRING {
        return None;
    }
    let string = reader.string()?;
    reader.0.is_empty().then_some(string)
}

/// The type byte in a payload made by DUMP, and what the value consists of, in order if that means something; `None`
/// when the payload is not sound, or of a type that is not compared.
pub fn content(payload: &[u8]) -> Option<(u8, Vec<Vec<u8>>)> {
    let mut reader = Reader(open(payload)?);
    let value_type = reader.byte()?;
    let mut parts = Vec::new();
    match value_type {
        // One string: a string; a set, hash or sorted set that is an intset or a listpack.
        TYPE_STRING | 11 | 16 | 17 | 20 => parts.push(reader.string()?),
        // A set; a hash; a sorted set with binary scores; a list of nodes, each with its kind.
        2 | 4 | 5 | 18 => {
            for _ in 0..reader.length()? {
                let mut part =
                    if value_type == 18 { reader.length()?.to_be_bytes().to_vec() } else { Vec::new() };
                part.extend(reader.string()?);
                match value_type {
                    4 => part.extend([&b" => "[..], &reader.string()?].concat()),
                    5 => part.extend(reader.array::<8>()?),
                    _ => {}
                }
                parts.push(part);
            }
        }
        19 => parts = stream(&mut reader)?,
        _ => return None,
    }
    if !matches!(value_type, 18 | 19) {
        parts.sort();
    }
    reader.0.is_empty().then_some((value_type, parts))
}

/// What a stream consists of: its nodes, counters and groups, but for all times.
fn stream(reader: &mut Reader) -> Option<Vec<Vec<u8>>> {
    let mut parts = Vec::new();
    for _ in 0..reader.length()? {
        parts.extend([reader.string()?, reader.string()?]);
    }
    // Length, three IDs, entries ever added.
    for _ in 0..8 {
        parts.push(reader.length()?.to_string().into());
    }
    for _ in 0..reader.length()? {
        parts.push(reader.string()?);
        for _ in 0..3 {
            parts.push(reader.length()?.to_string().into());
        }
        for _ in 0..reader.length()? {
            parts.push(reader.array::<16>()?.to_vec());
            reader.array::<8>()?;
            parts.push(reader.length()?.to_string().into());
        }
        for _ in 0..reader.length()? {
            parts.push(reader.string()?);
            reader.array::<8>()?;
            for _ in 0..reader.length()? {
                parts.push(reader.array::<16>()?.to_vec());
            }
        }
    }
    Some(parts)
}

fn integer_form(text: &[u8]) -> Option<Vec<u8>> {
    let number: i32 = std::str::from_utf8(text).ok()?.parse().ok()?;
    if number.to_string().as_bytes() != text {
        return None;
    }
    let little_endian = number.to_le_bytes();
    Some(match (i8::try_from(number), i16::try_from(number)) {
        (Ok(_), _) => vec![0xC0, little_endian[0]],
        (_, Ok(_)) => [&[0xC1], &little_endian[..2]].concat(),
        _ => [&[0xC2], &little_endian[..]].concat(),
    })
}

fn push_length(body: &mut Vec<u8>, length: usize) {
    match length {
        0..64 => body.push(length as u8),
        64..0x4000 => body.extend([0x40 | (length >> 8) as u8, length as u8]),
        _ => {
            body.push(0x80);
            body.extend((length as u32).to_be_bytes());
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|b| b[0])
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn string(&mut self) -> Option<Vec<u8>> {
        let text = |n: i32| Some(n.to_string().into_bytes());
        match self.0.first()? {
            0xC0..=0xC3 => match self.byte()? {
                0xC0 => text(i8::from_le_bytes(self.array()?).into()),
                0xC1 => text(i16::from_le_bytes(self.array()?).into()),
                0xC2 => text(i32::from_le_bytes(self.array()?)),
                _ => {
                    let (packed, length) = (self.length()?, self.length()?);
                    unpack(self.take(packed)?).filter(|value| value.len() == length)
                }
            },
            _ => {
                let length = self.length()?;
                self.take(length).map(<[u8]>::to_vec)
            }
        }
    }

    fn length(&mut self) -> Option<usize> {
        let first = self.byte()?;
        match first >> 6 {
            0 => Some(usize::from(first)),
            1 => Some(usize::from(first & 0x3F) << 8 | usize::from(self.byte()?)),
            2 if first == 0x80 => Some(u32::from_be_bytes(self.array()?) as usize),
            2 if first == 0x81 => usize::try_from(u64::from_be_bytes(self.array()?)).ok(),
            _ => None,
        }
    }
}

/// LZF: a control byte below 32 starts a literal run, others a copy from what came before.
fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader(packed);
    let mut value = Vec::new();
    while let Some(control) = reader.byte() {
        if control < 32 {
            value.extend_from_slice(reader.take(usize::from(control) + 1)?);
            continue;
        }
        let mut length = usize::from(control >> 5);
        if length == 7 {
            length += usize::from(reader.byte()?);
        }
        let distance = (usize::from(control & 0x1F) << 8 | usize::from(reader.byte()?)) + 1;
        let start = value.len().checked_sub(distance)?;
        for i in start..start + length + 2 {
            value.push(value[i]);
        }
    }
    Some(value)
}

/// CRC-64 of Jones (reflected, no inversion), bit by bit: slow and plain.
fn crc64(bytes: &[u8]) -> u64 {
    const REFLECTED_POLYNOMIAL: u64 = 0x95AC_9329_AC4B_C9B5;
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u64::from(byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { REFLECTED_POLYNOMIAL } else { 0 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_has_its_published_check_value() {
        assert_eq!(crc64(b"123456789"), 0xE9C6_D914_C4B8_D9CA);
    }

    #[test]
    fn what_is_dumped_is_read_back() {
        let long = b"ab".repeat(20_000);
        let values: [&[u8]; 9] =
            [b"", b"a", b"0", b"-128", b"32767", b"-2147483648", b"2147483648", b"007", &long];
        for value in values {
            for form in [Form::Plain, Form::Integer, Form::Lzf] {
                assert_eq!(read(&dump(value, form, 10)).as_deref(), Some(value), "{form:?}");
            }
        }
    }

    #[test]
    fn lzf_copies_may_overlap_what_they_write() {
        assert_eq!(unpack(&[0, b'a', 0xE0, 1, 0]), Some(b"a".repeat(11)));
    }

    #[test]
    fn a_flipped_bit_is_seen() {
        let mut payload = dump(b"value", Form::Plain, 10);
        payload[3] ^= 1;
        assert_eq!(read(&payload), None);
    }
}
