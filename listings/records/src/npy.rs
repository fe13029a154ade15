//! The header of NumPy's `.npy` format, as far as a file of records needs it.
//!
//! Six bytes of magic, two of the format's version, the length of the text that
//! follows, and that text: a Python dictionary of the elements' type, their order and
//! their number. Source: NumPy Enhancement Proposal 1, and `numpy.lib.format`.

use std::io::Read;

/// What NumPy calls the type of a [`Record`](crate::Record).
pub(crate) const DTYPE: &str = "[('index', '<i8'), ('timestamp', '<M8[ns]'), ('val', '<f8')]";

const MAGIC: &[u8] = b"\x93NUMPY";

/// The longest text that is read, in bytes: that of a data file has less than 192.
const LONGEST_TEXT: usize = 4096;

/// The records begin at a multiple of this, in bytes.
const ALIGNMENT: usize = 64;

/// What a header says.
#[derive(Debug, PartialEq)]
pub(crate) struct Header {
    /// How many records follow.
    pub records: u64,
    /// Where the first one begins, in bytes.
    pub offset: u64,
}

/// The header of a file of `records` records, version 1.0.
pub(crate) fn header(records: usize) -> Vec<u8> {
    let text = format!("{{'descr': {DTYPE}, 'fortran_order': False, 'shape': ({records},), }}");
    let before = MAGIC.len() + 4;
    let whole = (before + text.len() + 1).next_multiple_of(ALIGNMENT);
    // Spaces up to the alignment, and a line end as the last byte.
    let text = format!("{text:<width$}\n", width = whole - before - 1);
    let length = u16::try_from(text.len()).expect("the text of three fields is short");
    [MAGIC, &[1, 0], &length.to_le_bytes(), text.as_bytes()].concat()
}

/// Reads a header from the start of a file; else says what is wrong with it.
pub(crate) fn read(file: &mut impl Read) -> Result<Header, String> {
    let mut start = [0; 8];
    read_exactly(file, &mut start)?;
    if !start.starts_with(MAGIC) {
        return Err("it does not begin as NumPy's .npy files do".to_string());
    }
    // The length of the text has two bytes in version 1 and four since.
    let mut length = [0; 4];
    let width = if start[6] == 1 { 2 } else { 4 };
    read_exactly(file, &mut length[..width])?;
    let length = u32::from_le_bytes(length) as usize;
    if length > LONGEST_TEXT {
        return Err(format!("its header is {length} bytes long"));
    }
    let mut text = vec![0; length];
    read_exactly(file, &mut text)?;
    let text = String::from_utf8_lossy(&text);
    let value = |key| value(&text, key).ok_or_else(|| format!("its header has no {key}"));

    let dtype = value("descr")?;
    // Python allows a comma behind the last element.
    if without_spaces(dtype).replace(",]", "]") != without_spaces(DTYPE) {
        return Err(format!("its type is {}, not {DTYPE}", shown(dtype)));
    }
    let (order, shape) = (value("fortran_order")?, without_spaces(value("shape")?));
    let one_dimension = shape
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(",)"));
    // The order of the dimensions: of one it says nothing.
    if !["False", "True"].contains(&order) {
        let order = shown(order);
        return Err(format!("its fortran_order is {order}, not True or False"));
    }
    match one_dimension.map(str::parse) {
        Some(Ok(records)) => Ok(Header {
            records,
            offset: (start.len() + width + length) as u64,
        }),
        _ => Err(format!("its shape is {}, not one dimension", shown(&shape))),
    }
}

fn read_exactly(file: &mut impl Read, bytes: &mut [u8]) -> Result<(), String> {
    file.read_exact(bytes).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "it ends within its header".to_string(),
        _ => error.to_string(),
    })
}

/// The value of `key` in a Python dictionary of literals without escapes: up to the
/// comma that stands in no bracket and no string.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let key = format!("'{key}':");
    let rest = text[text.find(&key)? + key.len()..].trim_start();
    let (mut depth, mut quoted) = (0, false);
    let end = rest.find(|c| {
        match c {
            '\'' => quoted = !quoted,
            '(' | '[' if !quoted => depth += 1,
            ')' | ']' if !quoted => depth -= 1,
            ',' | '}' if !quoted && depth == 0 => return true,
            _ => {}
        }
        false
    })?;
    Some(rest[..end].trim_end())
}

/// What a message quotes of a file that may hold anything.
fn shown(text: &str) -> String {
    let start = text.chars().take(100);
    start
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn without_spaces(text: &str) -> String {
    text.split_whitespace().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    /// A header of this text, as another program may write it.
    pub(crate) fn header_of(text: &str) -> Vec<u8> {
        let length = u16::try_from(text.len()).expect("short");
        [MAGIC, &[1, 0], &length.to_le_bytes(), text.as_bytes()].concat()
    }

    #[test]
    fn a_header_of_the_greatest_length_is_read_and_a_longer_one_refused() {
        let text = |length: usize| {
            let text = String::from_utf8(header(7)[MAGIC.len() + 4..].to_vec()).expect("text");
            format!("{:<length$}", text.trim_end())
        };
        let read_of = |length| read(&mut &header_of(&text(length))[..]);
        assert_eq!(read_of(LONGEST_TEXT).expect("is read").records, 7);
        read_of(LONGEST_TEXT + 1).expect_err("too long");
    }

    #[test]
    fn a_header_is_read_as_it_was_written_and_ends_at_the_alignment() {
        for records in [0, 1, 200_000_000, usize::MAX] {
            let header = header(records);
            let read = read(&mut &header[..]).expect("its own header");
            assert_eq!(read.records, records as u64);
            assert_eq!(read.offset as usize, header.len());
            assert!(header.len().is_multiple_of(ALIGNMENT));
            assert_eq!(header.last(), Some(&b'\n'));
        }
    }

    #[test]
    fn keys_may_come_in_any_order_spacing_and_with_a_last_comma() {
        let text = format!(
            "{{ 'shape':( 7 , ), 'fortran_order':False,\n 'descr': {} }}",
            DTYPE.replace(']', ", ]")
        );
        assert_eq!(
            read(&mut &header_of(&text)[..]).expect("the same").records,
            7
        );
    }

    #[test]
    fn one_dimension_is_read_in_either_order() {
        let text = format!("{{'descr': {DTYPE}, 'fortran_order': True, 'shape': (3,), }}");
        assert_eq!(
            read(&mut &header_of(&text)[..]).expect("is read").records,
            3
        );
    }

    #[test]
    fn another_type_order_or_shape_is_named() {
        let of = |descr: &str, order: &str, shape: &str| {
            let text =
                format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}");
            read(&mut &header_of(&text)[..]).expect_err("refused")
        };
        assert!(of("'<f8'", "False", "(3,)").starts_with("its type is '<f8', not"));
        assert!(of(DTYPE, "False", "(3, 2)").starts_with("its shape is (3,2), not"));
        assert!(of(DTYPE, "False", "()").starts_with("its shape is (), not"));
        assert!(of(DTYPE, "0", "(3,)").starts_with("its fortran_order is 0, not"));
        // More than any number holds.
        assert!(of(DTYPE, "False", "(99999999999999999999,)").starts_with("its shape is"));
    }

    /// A file whose reader is watched: how much it asks for at a time, and so reserves.
    struct Watched<'a> {
        bytes: &'a [u8],
        asked: usize,
    }

    impl Read for Watched<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            self.asked = self.asked.max(into.len());
            self.bytes.read(into)
        }
    }

    fn is_read_or_refused(bytes: &[u8]) -> Result<(), TestCaseError> {
        let mut file = Watched { bytes, asked: 0 };
        match read(&mut file) {
            Ok(header) => {
                let behind = bytes.len() - file.bytes.len();
                prop_assert_eq!(header.offset, behind as u64);
            }
            // A line of a terminal.
            Err(why) => prop_assert!(why.len() < 1000 && !why.contains(char::is_control)),
        }
        prop_assert!(file.asked <= LONGEST_TEXT, "{}", file.asked);
        Ok(())
    }

    /// Words of which a header's text is made, so that the parser is often taken far.
    fn words() -> impl Strategy<Value = String> {
        let word = prop::sample::select(vec![
            "'descr':",
            "'fortran_order':",
            "'shape':",
            DTYPE,
            "False",
            "True",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            ",",
            "'",
            "\"",
            "7",
            "(7,)",
            " ",
            "\n",
            "\0",
            "é",
        ]);
        prop::collection::vec(word, 0..30).prop_map(|words| words.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_a_header_or_refused(
            start in prop::sample::select(vec![&b""[..], MAGIC, b"\x93NUMPY\x01\0", b"\x93NUMPY\x02\0"]),
            rest in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            is_read_or_refused(&[start, &rest].concat())?;
        }

        #[test]
        fn any_text_is_a_header_or_refused(text in words()) {
            is_read_or_refused(&header_of(&text))?;
        }

        #[test]
        fn a_header_with_other_bytes_is_read_or_refused(
            records in any::<usize>(),
            changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..8),
            cut in any::<Index>(),
        ) {
            let mut bytes = header(records);
            for (place, byte) in changes {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            is_read_or_refused(&bytes)?;
            is_read_or_refused(&bytes[..cut.index(bytes.len())])?;
        }
    }

    #[test]
    fn what_is_no_header_is_told_in_a_few_words() {
        let error = |bytes: &[u8]| read(&mut &bytes[..]).expect_err("refused");
        assert_eq!(error(b""), "it ends within its header");
        assert_eq!(
            error(b"PK\x03\x04 and more"),
            "it does not begin as NumPy's .npy files do"
        );
        assert_eq!(error(&header(3)[..40]), "it ends within its header");
        assert_eq!(error(&header_of("{}")), "its header has no descr");
        let long = [&b"\x93NUMPY\x02\x00\xff\xff\xff\xff"[..], &[b'x'; 64]].concat();
        assert_eq!(error(&long), "its header is 4294967295 bytes long");
    }
}
