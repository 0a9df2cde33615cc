//! The header `Retry-After`: seconds stay what they are, a date comes nearer as time goes by.

use std::time::Duration;

use pointmill_deliver::parse_retry_after;

/// Longest input looked at; longer ones find nothing new.
pub const SIZE_MAX: usize = 4 << 10;

/// Reads the bytes as a time, eight of them, and the header's text.
pub fn retry_after(data: &[u8]) {
    let Some((now, text)) = data.split_first_chunk::<8>() else {
        return;
    };
    let unix_ms = u64::from_le_bytes(*now);
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let wait = parse_retry_after(text, unix_ms);
    assert_eq!(parse_retry_after(&format!(" {text}\t"), unix_ms), wait);
    let Some(wait) = wait else { return };
    let second = Duration::from_secs(1);
    let later = parse_retry_after(text, unix_ms.saturating_add(1_000));
    let text = text.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        assert_eq!(later, Some(wait));
        assert_eq!(wait.as_secs(), text.parse().unwrap_or(u64::MAX));
    } else {
        assert_eq!(later, Some(wait.saturating_sub(second)));
    }
}
