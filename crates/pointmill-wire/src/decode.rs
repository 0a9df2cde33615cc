//! Reading untrusted bytes: one cursor, one error and one set of limits for every decoder here.
//!
//! A decoder walks a [`Reader`] over the input. The reader never looks past its end, never trusts
//! a length it has not compared with the bytes that are left, and knows its distance from the
//! start of the outermost message, so that an error inside a nested message still names the place
//! in the bytes the caller handed over.
//!
//! ```text
//! reader = Reader::new(input, limits)             refuses input longer than limits.bytes_max
//! while let Some(tag) = reader.tag()?             field number and wire type
//!     match tag.number
//!         1 => reader.double(tag, "Point.value")  checks the wire type, names the field in errors
//!         2 => reader.message(tag, "Point.tags")  a reader over the nested bytes, same offsets
//!         _ => reader.skip(tag)                   fields from a newer schema
//! ```
//!
//! A count that the input chooses (list entries, bins) is charged to a [`Tally`] before anything
//! is stored for it, so memory is bounded by [`DecodeLimits`] and not by the sender.
//!
//! The wire format is that of the Protocol Buffers encoding guide
//! (<https://protobuf.dev/programming-guides/encoding/>).

use core::fmt;

/// How deeply groups (the retired nesting of wire types 3 and 4) may nest inside a skipped field.
const GROUP_DEPTH_MAX: u32 = 32;

/// The largest field number protobuf allows, 2^29 − 1.
const FIELD_NUMBER_MAX: u64 = (1 << 29) - 1;

/// What a decoder may spend on one input.
///
/// The limits hold for one call of a decoder, over all nested messages together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Longest input, in bytes, after decompression.
    pub bytes_max: usize,
    /// Most list entries: series, points, tags, resources, dictionary strings.
    pub items_max: usize,
    /// Most sketch bins, counting every entry of every bin list.
    pub bins_max: usize,
}

impl Default for DecodeLimits {
    /// 64 MiB, one million items, four million bins: above every payload the intake accepts, and
    /// small enough that one hostile message cannot exhaust a process.
    fn default() -> Self {
        DecodeLimits {
            bytes_max: 64 << 20,
            items_max: 1 << 20,
            bins_max: 1 << 22,
        }
    }
}

/// Why an input could not be decoded.
///
/// The message names the byte and the field first: `at byte 17, DDSketch.mapping: …`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeError {
    /// Distance in bytes from the start of the outermost input to the part that was refused.
    pub offset: usize,
    /// The field that was being read, as `Message.field`; empty between fields.
    pub field: &'static str,
    /// What was wrong with it.
    pub cause: Cause,
}

/// The kinds of damage a decoder reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The input ends inside a value.
    Truncated {
        /// Bytes the value needs from [`DecodeError::offset`] on; for a variable-length number,
        /// one more than there are.
        needed: u64,
        /// Bytes that are left.
        left: usize,
    },
    /// A variable-length integer does not fit 64 bits.
    VarintTooLong,
    /// A field number is 0 or above 2^29 − 1.
    FieldNumber(u64),
    /// A wire type that protobuf does not define (6 or 7).
    UnknownWireType(u8),
    /// A known field carries another wire type than its schema says.
    WireType {
        /// What the schema says.
        expected: WireType,
        /// What the input has.
        found: WireType,
    },
    /// A group is closed that was not opened, left open, or nested too deeply.
    Group,
    /// A string is not UTF-8.
    NotUtf8,
    /// More than one of [`DecodeLimits`] allows.
    Limit {
        /// The field of [`DecodeLimits`].
        name: &'static str,
        /// Its value.
        limit: usize,
    },
    /// The value is well-formed but has no meaning here; the text says which values have one.
    Invalid(&'static str),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}", self.offset)?;
        if !self.field.is_empty() {
            write!(f, ", {}", self.field)?;
        }
        match self.cause {
            Cause::Truncated { needed, left } => {
                write!(
                    f,
                    ": {needed} bytes needed, {left} left; the input was cut short"
                )
            }
            Cause::VarintTooLong => {
                f.write_str(": a variable-length integer exceeds 64 bits; the input is damaged")
            }
            Cause::FieldNumber(number) => {
                write!(
                    f,
                    ": field number {number} is outside 1..=536870911; not this format"
                )
            }
            Cause::UnknownWireType(number) => {
                write!(
                    f,
                    ": wire type {number} does not exist; not a protobuf message"
                )
            }
            Cause::WireType { expected, found } => {
                write!(
                    f,
                    ": wire type {found:?} where {expected:?} belongs; check the schema"
                )
            }
            Cause::Group => f.write_str(": unbalanced or too deeply nested group"),
            Cause::NotUtf8 => f.write_str(": text is not UTF-8"),
            Cause::Limit { name, limit } => {
                write!(
                    f,
                    ": more than {name} = {limit}; raise the limit or split the input"
                )
            }
            Cause::Invalid(what) => write!(f, ": {what}"),
        }
    }
}

impl core::error::Error for DecodeError {}

/// The shape of a protobuf value on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum WireType {
    /// A base-128 integer.
    Varint = 0,
    /// Eight little-endian bytes.
    Fixed64 = 1,
    /// A length, then that many bytes.
    Bytes = 2,
    /// Opens a group.
    GroupStart = 3,
    /// Closes a group.
    GroupEnd = 4,
    /// Four little-endian bytes.
    Fixed32 = 5,
}

/// What precedes every protobuf value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag {
    /// The field number, 1..=2^29 − 1.
    pub number: u32,
    /// The shape of the value that follows.
    pub wire_type: WireType,
    /// Where the tag itself began, from the start of the outermost input.
    pub offset: usize,
}

/// Counts what an input asks for against one of the [`DecodeLimits`].
#[derive(Debug, Clone)]
pub struct Tally {
    name: &'static str,
    limit: usize,
    used: usize,
}

impl Tally {
    /// Charges list entries to [`DecodeLimits::items_max`].
    pub fn items(limits: &DecodeLimits) -> Tally {
        Tally {
            name: "items_max",
            limit: limits.items_max,
            used: 0,
        }
    }

    /// Charges sketch bins to [`DecodeLimits::bins_max`].
    pub fn bins(limits: &DecodeLimits) -> Tally {
        Tally {
            name: "bins_max",
            limit: limits.bins_max,
            used: 0,
        }
    }

    /// Takes `n` from what is left; call it before storing them.
    ///
    /// # Errors
    /// [`Cause::Limit`] at `offset` when fewer than `n` are left; then nothing is taken.
    pub fn take(&mut self, n: u64, offset: usize, field: &'static str) -> Result<(), DecodeError> {
        // `used` never exceeds `limit`, so the difference cannot wrap.
        if n > (self.limit - self.used) as u64 {
            let cause = Cause::Limit {
                name: self.name,
                limit: self.limit,
            };
            return Err(DecodeError {
                offset,
                field,
                cause,
            });
        }
        self.used += n as usize;
        Ok(())
    }

    /// How much has been taken.
    pub fn used(&self) -> usize {
        self.used
    }
}

/// A cursor over untrusted bytes.
///
/// Cheap to clone; reading allocates nothing. After an error the position is unspecified (but
/// still inside the input).
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    pos: usize,
    /// Where `bytes` begins in the outermost input.
    base: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of an outermost input.
    ///
    /// # Errors
    /// [`Cause::Limit`] if `bytes` is longer than [`DecodeLimits::bytes_max`].
    pub fn new(bytes: &'a [u8], limits: &DecodeLimits) -> Result<Reader<'a>, DecodeError> {
        if bytes.len() > limits.bytes_max {
            let cause = Cause::Limit {
                name: "bytes_max",
                limit: limits.bytes_max,
            };
            return Err(DecodeError {
                offset: limits.bytes_max,
                field: "",
                cause,
            });
        }
        Ok(Reader {
            bytes,
            pos: 0,
            base: 0,
        })
    }

    /// Distance from the start of the outermost input, in bytes.
    pub fn offset(&self) -> usize {
        self.base + self.pos
    }

    /// Bytes not read yet.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.pos
    }

    /// An error at the present offset.
    pub fn error(&self, field: &'static str, cause: Cause) -> DecodeError {
        DecodeError {
            offset: self.offset(),
            field,
            cause,
        }
    }

    /// The next byte.
    ///
    /// # Errors
    /// [`Cause::Truncated`] at the end.
    pub fn byte(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        let Some(&byte) = self.bytes.get(self.pos) else {
            return Err(self.error(field, Cause::Truncated { needed: 1, left: 0 }));
        };
        self.pos += 1;
        Ok(byte)
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// [`Cause::Truncated`] if fewer are left.
    pub fn take(&mut self, n: u64, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let left = self.left();
        if n > left as u64 {
            return Err(self.error(field, Cause::Truncated { needed: n, left }));
        }
        let taken = &self.bytes[self.pos..self.pos + n as usize];
        self.pos += n as usize;
        Ok(taken)
    }

    /// Eight little-endian bytes as a double, without a tag.
    ///
    /// # Errors
    /// [`Cause::Truncated`] if fewer than eight bytes are left.
    pub fn raw_double(&mut self, field: &'static str) -> Result<f64, DecodeError> {
        Ok(f64::from_bits(self.raw_fixed64(field)?))
    }

    /// Eight little-endian bytes as an integer, without a tag.
    ///
    /// # Errors
    /// [`Cause::Truncated`] if fewer than eight bytes are left.
    pub fn raw_fixed64(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        let mut word = [0; 8];
        word.copy_from_slice(self.take(8, field)?);
        Ok(u64::from_le_bytes(word))
    }

    /// A base-128 integer of at most ten bytes, without a tag.
    ///
    /// # Errors
    /// [`Cause::Truncated`] or [`Cause::VarintTooLong`], both at its first byte.
    pub fn raw_varint(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        let start = self.offset();
        let fail = |cause| DecodeError {
            offset: start,
            field,
            cause,
        };
        let mut value = 0u64;
        for index in 0..10 {
            let Some(&byte) = self.bytes.get(self.pos) else {
                return Err(fail(Cause::Truncated {
                    needed: index + 1,
                    left: index as usize,
                }));
            };
            self.pos += 1;
            // Nine bytes carry 63 bits; of the tenth only the lowest bit has a place to go.
            if index == 9 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(fail(Cause::VarintTooLong))
    }

    /// The next field's tag, or `None` at the end of the message.
    ///
    /// # Errors
    /// [`Cause::FieldNumber`], [`Cause::UnknownWireType`], or those of [`Reader::raw_varint`].
    pub fn tag(&mut self) -> Result<Option<Tag>, DecodeError> {
        if self.left() == 0 {
            return Ok(None);
        }
        let offset = self.offset();
        let raw = self.raw_varint("")?;
        let fail = |cause| DecodeError {
            offset,
            field: "",
            cause,
        };
        let wire_type = match raw & 7 {
            0 => WireType::Varint,
            1 => WireType::Fixed64,
            2 => WireType::Bytes,
            3 => WireType::GroupStart,
            4 => WireType::GroupEnd,
            5 => WireType::Fixed32,
            other => return Err(fail(Cause::UnknownWireType(other as u8))),
        };
        match raw >> 3 {
            number @ 1..=FIELD_NUMBER_MAX => Ok(Some(Tag {
                number: number as u32,
                wire_type,
                offset,
            })),
            number => Err(fail(Cause::FieldNumber(number))),
        }
    }

    fn expect(&self, tag: Tag, expected: WireType, field: &'static str) -> Result<(), DecodeError> {
        if tag.wire_type == expected {
            return Ok(());
        }
        let cause = Cause::WireType {
            expected,
            found: tag.wire_type,
        };
        Err(DecodeError {
            offset: tag.offset,
            field,
            cause,
        })
    }

    /// A `uint64`, `bool` or `enum` field; `int64` is the same bits read as signed.
    ///
    /// # Errors
    /// [`Cause::WireType`], or those of [`Reader::raw_varint`].
    pub fn uint64(&mut self, tag: Tag, field: &'static str) -> Result<u64, DecodeError> {
        self.expect(tag, WireType::Varint, field)?;
        self.raw_varint(field)
    }

    /// A `sint32` field. Like every protobuf reader it keeps the low 32 bits of a longer integer.
    ///
    /// # Errors
    /// Those of [`Reader::uint64`].
    pub fn sint32(&mut self, tag: Tag, field: &'static str) -> Result<i32, DecodeError> {
        Ok(zigzag_decode_32(self.uint64(tag, field)? as u32))
    }

    /// A `double` field.
    ///
    /// # Errors
    /// [`Cause::WireType`] or [`Cause::Truncated`].
    pub fn double(&mut self, tag: Tag, field: &'static str) -> Result<f64, DecodeError> {
        Ok(f64::from_bits(self.fixed64(tag, field)?))
    }

    /// A `fixed64` field; `sfixed64` is the same bits read as signed.
    ///
    /// # Errors
    /// [`Cause::WireType`] or [`Cause::Truncated`].
    pub fn fixed64(&mut self, tag: Tag, field: &'static str) -> Result<u64, DecodeError> {
        self.expect(tag, WireType::Fixed64, field)?;
        self.raw_fixed64(field)
    }

    /// A `bytes` field.
    ///
    /// # Errors
    /// [`Cause::WireType`], [`Cause::Truncated`], or those of [`Reader::raw_varint`].
    pub fn bytes(&mut self, tag: Tag, field: &'static str) -> Result<&'a [u8], DecodeError> {
        self.expect(tag, WireType::Bytes, field)?;
        let length = self.raw_varint(field)?;
        self.take(length, field)
    }

    /// A `string` field.
    ///
    /// # Errors
    /// [`Cause::NotUtf8`] at the first byte that is not, or those of [`Reader::bytes`].
    pub fn string(&mut self, tag: Tag, field: &'static str) -> Result<&'a str, DecodeError> {
        let bytes = self.bytes(tag, field)?;
        core::str::from_utf8(bytes).map_err(|error| DecodeError {
            offset: self.offset() - bytes.len() + error.valid_up_to(),
            field,
            cause: Cause::NotUtf8,
        })
    }

    /// A nested message: a reader over its bytes, with offsets of the outermost input.
    ///
    /// # Errors
    /// Those of [`Reader::bytes`].
    pub fn message(&mut self, tag: Tag, field: &'static str) -> Result<Reader<'a>, DecodeError> {
        let bytes = self.bytes(tag, field)?;
        Ok(Reader {
            bytes,
            pos: 0,
            base: self.offset() - bytes.len(),
        })
    }

    /// One occurrence of a repeated scalar: a reader over the packed elements, or over the single
    /// element of an unpacked occurrence (protobuf readers must take both).
    ///
    /// Read the elements with `raw_…` until [`Reader::left`] is 0.
    ///
    /// # Errors
    /// [`Cause::WireType`] unless the wire type is `element` or [`WireType::Bytes`];
    /// [`Cause::Truncated`].
    pub fn packed(
        &mut self,
        tag: Tag,
        element: WireType,
        field: &'static str,
    ) -> Result<Reader<'a>, DecodeError> {
        if tag.wire_type == WireType::Bytes {
            return self.message(tag, field);
        }
        self.expect(tag, element, field)?;
        let (start, base) = (self.pos, self.offset());
        self.skip_value(tag, field, 0)?;
        Ok(Reader {
            bytes: &self.bytes[start..self.pos],
            pos: 0,
            base,
        })
    }

    /// Steps over a field the schema does not know, groups included.
    ///
    /// # Errors
    /// [`Cause::Truncated`] or [`Cause::Group`].
    pub fn skip(&mut self, tag: Tag) -> Result<(), DecodeError> {
        self.skip_value(tag, "unknown field", 0)
    }

    fn skip_value(&mut self, tag: Tag, field: &'static str, depth: u32) -> Result<(), DecodeError> {
        match tag.wire_type {
            WireType::Varint => drop(self.raw_varint(field)?),
            WireType::Fixed64 => drop(self.take(8, field)?),
            WireType::Fixed32 => drop(self.take(4, field)?),
            WireType::Bytes => {
                let length = self.raw_varint(field)?;
                self.take(length, field)?;
            }
            WireType::GroupStart => self.skip_group(tag, field, depth)?,
            WireType::GroupEnd => {
                return Err(DecodeError {
                    offset: tag.offset,
                    field,
                    cause: Cause::Group,
                });
            }
        }
        Ok(())
    }

    fn skip_group(
        &mut self,
        open: Tag,
        field: &'static str,
        depth: u32,
    ) -> Result<(), DecodeError> {
        let unbalanced = DecodeError {
            offset: open.offset,
            field,
            cause: Cause::Group,
        };
        if depth == GROUP_DEPTH_MAX {
            return Err(unbalanced);
        }
        loop {
            match self.tag()? {
                Some(tag) if tag.wire_type == WireType::GroupEnd => {
                    return if tag.number == open.number {
                        Ok(())
                    } else {
                        Err(unbalanced)
                    };
                }
                Some(tag) => self.skip_value(tag, field, depth + 1)?,
                None => return Err(unbalanced),
            }
        }
    }
}

/// Undoes the 32-bit zigzag: 0, 1, 2, 3 … stand for 0, −1, 1, −2 ….
pub fn zigzag_decode_32(raw: u32) -> i32 {
    (raw >> 1) as i32 ^ -((raw & 1) as i32)
}

/// Undoes the 64-bit zigzag: 0, 1, 2, 3 … stand for 0, −1, 1, −2 ….
pub fn zigzag_decode_64(raw: u64) -> i64 {
    (raw >> 1) as i64 ^ -((raw & 1) as i64)
}

#[cfg(test)]
mod tests;
