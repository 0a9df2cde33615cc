//! The cursor, its errors and its limits.

use super::*;

fn reader(bytes: &[u8]) -> Reader<'_> {
    Reader::new(bytes, &DecodeLimits::default()).unwrap()
}

#[test]
fn varints_take_one_to_ten_bytes() {
    for (bytes, value) in [
        (&[0x00][..], 0),
        (&[0x7f], 127),
        (&[0x80, 0x01], 128),
        (&[0x81, 0x00], 1), // padded, still valid
        (
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            u64::MAX,
        ),
    ] {
        let mut reader = reader(bytes);
        assert_eq!(reader.raw_varint("x"), Ok(value), "{bytes:x?}");
        assert_eq!(reader.left(), 0);
    }
}

#[test]
fn a_varint_past_64_bits_is_refused() {
    let mut bytes = [0xff; 10];
    for last in [0x02, 0x7f, 0x80, 0xff] {
        bytes[9] = last;
        let error = reader(&bytes).raw_varint("x").unwrap_err();
        assert_eq!(
            (error.offset, error.cause),
            (0, Cause::VarintTooLong),
            "{last:x}"
        );
    }
}

#[test]
fn truncation_says_where_and_how_much() {
    let error = reader(&[0x0a, 0x05, 1, 2]).tag_then_bytes().unwrap_err();
    assert_eq!(
        error.to_string(),
        "at byte 2, M.b: 5 bytes needed, 2 left; the input was cut short"
    );
    let error = reader(&[0x0a, 0x80]).tag_then_bytes().unwrap_err();
    assert_eq!(error.cause, Cause::Truncated { needed: 2, left: 1 });
    // A length near 2^64 must not overflow the comparison.
    let huge = [
        0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
    ];
    let error = reader(&huge).tag_then_bytes().unwrap_err();
    assert_eq!(
        error.cause,
        Cause::Truncated {
            needed: u64::MAX,
            left: 0
        }
    );
}

impl<'a> Reader<'a> {
    fn tag_then_bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let tag = self.tag()?.expect("a tag");
        self.bytes(tag, "M.b")
    }
}

#[test]
fn nested_readers_keep_outer_offsets() {
    // field 1 { field 2: string with a bad byte at index 1 }
    let mut outer = reader(&[0x0a, 0x04, 0x12, 0x02, b'a', 0xff]);
    let tag = outer.tag().unwrap().unwrap();
    let mut inner = outer.message(tag, "A.b").unwrap();
    assert_eq!(inner.offset(), 2);
    let tag = inner.tag().unwrap().unwrap();
    let error = inner.string(tag, "B.s").unwrap_err();
    assert_eq!(
        (error.offset, error.field, error.cause),
        (5, "B.s", Cause::NotUtf8)
    );
}

#[test]
fn tags_refuse_bad_numbers_and_types() {
    let cause = |bytes: &[u8]| reader(bytes).tag().unwrap_err().cause;
    assert_eq!(cause(&[0x00]), Cause::FieldNumber(0));
    assert_eq!(cause(&[0x0e]), Cause::UnknownWireType(6));
    assert_eq!(
        cause(&[0x80, 0x80, 0x80, 0x80, 0x10]),
        Cause::FieldNumber(1 << 29)
    );
    assert_eq!(reader(&[]).tag(), Ok(None));
}

#[test]
fn a_known_field_must_have_its_wire_type() {
    let mut reader = reader(&[0x08, 0x01]);
    let tag = reader.tag().unwrap().unwrap();
    let error = reader.double(tag, "M.d").unwrap_err();
    let expected = Cause::WireType {
        expected: WireType::Fixed64,
        found: WireType::Varint,
    };
    assert_eq!((error.offset, error.cause), (0, expected));
}

#[test]
fn packed_and_single_elements_read_alike() {
    for bytes in [&[0x0a, 0x02, 0x05, 0x06][..], &[0x08, 0x05, 0x08, 0x06]] {
        let mut outer = reader(bytes);
        let mut values = Vec::new();
        while let Some(tag) = outer.tag().unwrap() {
            let mut elements = outer.packed(tag, WireType::Varint, "M.v").unwrap();
            while elements.left() > 0 {
                values.push(elements.raw_varint("M.v").unwrap());
            }
        }
        assert_eq!(values, [5, 6]);
    }
}

#[test]
fn unknown_fields_of_every_type_are_skipped() {
    let bytes = [
        0x08, 0x96, 0x01, // 1: varint
        0x11, 1, 2, 3, 4, 5, 6, 7, 8, // 2: fixed64
        0x1a, 0x01, 0xff, // 3: bytes
        0x23, 0x2b, 0x08, 0x01, 0x2c, 0x24, // 4: group { 5: group { 1: varint } }
        0x35, 1, 2, 3, 4, // 6: fixed32
    ];
    let mut reader = reader(&bytes);
    let mut numbers = Vec::new();
    while let Some(tag) = reader.tag().unwrap() {
        numbers.push(tag.number);
        reader.skip(tag).unwrap();
    }
    assert_eq!(numbers, [1, 2, 3, 4, 6]);
}

#[test]
fn unbalanced_and_bottomless_groups_are_refused() {
    let skip = |bytes: &[u8]| {
        let mut reader = reader(bytes);
        let tag = reader.tag().unwrap().unwrap();
        reader.skip(tag).map_err(|error| error.cause)
    };
    assert_eq!(skip(&[0x0b]), Err(Cause::Group)); // left open
    assert_eq!(skip(&[0x0b, 0x14]), Err(Cause::Group)); // closed by another number
    assert_eq!(skip(&[0x0c]), Err(Cause::Group)); // closed first
    assert_eq!(skip(&[0x0b; 100_000]), Err(Cause::Group));
}

#[test]
fn zigzag_covers_both_ends() {
    for (raw, value) in [
        (0, 0),
        (1, -1),
        (2, 1),
        (u32::MAX - 1, i32::MAX),
        (u32::MAX, i32::MIN),
    ] {
        assert_eq!(zigzag_decode_32(raw), value);
        assert_eq!(pointmill_protobuf::zigzag(value), raw);
    }
    for (raw, value) in [
        (0, 0),
        (1, -1),
        (2, 1),
        (u64::MAX - 1, i64::MAX),
        (u64::MAX, i64::MIN),
    ] {
        assert_eq!(zigzag_decode_64(raw), value);
    }
}

#[test]
fn limits_refuse_before_anything_is_stored() {
    let limits = DecodeLimits {
        bytes_max: 3,
        items_max: 5,
        bins_max: 0,
    };
    let error = Reader::new(&[0; 4], &limits).unwrap_err();
    assert_eq!(
        error.cause,
        Cause::Limit {
            name: "bytes_max",
            limit: 3
        }
    );
    let mut items = Tally::items(&limits);
    assert_eq!(items.take(5, 0, "M.i"), Ok(()));
    let error = items.take(u64::MAX, 9, "M.i").unwrap_err();
    assert_eq!(
        error.to_string(),
        "at byte 9, M.i: more than items_max = 5; raise the limit or split the input"
    );
    assert_eq!(items.used(), 5);
    assert!(Tally::bins(&limits).take(1, 0, "M.b").is_err());
}
