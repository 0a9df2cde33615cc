//! Times and lengths as parameters.

/// Reads Unix seconds, `now`, `-15m` (before now) or RFC 3339 (`2026-11-25T10:00:00Z`).
///
/// # Errors
/// The forms there are.
pub fn parse_time(text: &str, now: i64) -> Result<i64, String> {
    if text == "now" {
        return Ok(now);
    }
    if let Some(length) = text.strip_prefix('-')
        && length.ends_with(|c: char| c.is_ascii_alphabetic())
    {
        return Ok(now.saturating_sub(parse_length(length)?));
    }
    if let Ok(seconds) = text.parse::<i64>() {
        return Ok(seconds);
    }
    if let Ok(seconds) = text.parse::<f64>()
        && seconds.abs() < 1e15
    {
        return Ok(seconds.floor() as i64);
    }
    rfc3339(text).ok_or_else(|| {
        format!("{text:?} is no time; write Unix seconds, 2026-11-25T10:00:00Z, now, or -15m for a time ago")
    })
}

/// Reads a length of time in seconds: `90`, `30s`, `15m`, `2h`, `7d`.
///
/// # Errors
/// The forms there are.
pub fn parse_length(text: &str) -> Result<i64, String> {
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => 0,
    };
    let seconds = number
        .parse::<i64>()
        .ok()
        .and_then(|n| n.checked_mul(unit))
        .filter(|s| *s > 0);
    seconds.ok_or_else(|| format!("{text:?} is no length of time; write 30s, 15m, 2h or 7d"))
}

/// Unix seconds of `YYYY-MM-DDTHH:MM:SS[.f](Z|±HH:MM)`.
fn rfc3339(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let number = |at: usize, len: usize| -> Option<i64> {
        let digits = text.get(at..at + len)?;
        digits
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| digits.parse().ok())?
    };
    let punctuation = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if punctuation.iter().any(|(at, b)| bytes.get(*at) != Some(b))
        || !matches!(bytes.get(10), Some(b'T' | b't' | b' '))
    {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    let in_range = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61;
    let rest = text.get(19..)?;
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    let offset = match zone.as_bytes() {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let digit = |b: &u8| char::from(*b).to_digit(10).map(i64::from);
            let minutes = (digit(h1)? * 10 + digit(h2)?) * 60 + digit(m1)? * 10 + digit(m2)?;
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    // Days from the civil date, with March as the first month of a year of its own.
    let (y, m) = if month <= 2 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let days =
        365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + (153 * m + 2) / 5 + day
            - 1
            - 719_468;
    in_range.then_some(days * 86_400 + hour * 3_600 + minute * 60 + second - offset * 60)
}

/// Unix seconds as people read them and [`parse_time`] does: `2026-11-25T10:00:00Z`.
#[must_use]
pub fn utc(unix_s: i64) -> String {
    let (days, second) = (unix_s.div_euclid(86_400), unix_s.rem_euclid(86_400));
    // The civil date from days, in years that begin with March and eras of 400 years.
    let from_march = days + 719_468;
    let (era, day) = (
        from_march.div_euclid(146_097),
        from_march.rem_euclid(146_097),
    );
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = match month {
        0..=9 => (400 * era + year, month + 3),
        _ => (400 * era + year + 1, month - 9),
    };
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Length of a step for a time of `seconds`: a usual one, a multiple of the interval, with which
/// there are at most 300 steps.
#[must_use]
pub fn auto_step(seconds: i64, interval_s: i64) -> i64 {
    const USUAL: [i64; 17] = [
        1, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200,
        86_400,
    ];
    let fits = |step: &i64| *step % interval_s == 0 && seconds / step <= 300;
    USUAL.into_iter().find(fits).unwrap_or_else(|| {
        let least = (seconds / 300 + 1).max(interval_s);
        (least + interval_s - 1) / interval_s * interval_s
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_time() {
        let now = 1_000_000;
        for (text, wanted) in [
            ("now", now),
            ("-15m", now - 900),
            ("-7d", now - 604_800),
            ("1700000000", 1_700_000_000),
            ("-5", -5),
            ("1700000000.9", 1_700_000_000),
            ("2001-01-01T00:00:00Z", 978_307_200),
            ("2024-02-29T12:30:15.25+02:00", 1_709_202_615),
            ("1969-12-31T23:59:59Z", -1),
        ] {
            assert_eq!(parse_time(text, now), Ok(wanted), "{text}");
        }
        for text in [
            "",
            "yesterday",
            "-5x",
            "2024-13-01T00:00:00Z",
            "2024-01-01",
            "2024-01-01T00:00:00",
        ] {
            assert!(parse_time(text, now).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_written_as_they_are_read() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(1_709_251_199), "2024-02-29T23:59:59Z");
        // Every day of more than four centuries, at another second each.
        for day in -40_000_i64..130_000 {
            let unix_s = day * 86_400 + (day * 7_919).rem_euclid(86_400);
            assert_eq!(parse_time(&utc(unix_s), 0), Ok(unix_s));
        }
    }

    #[test]
    fn steps_are_usual_ones() {
        assert_eq!(auto_step(3_600, 10), 20);
        assert_eq!(auto_step(60, 10), 10);
        assert_eq!(auto_step(31 * 86_400, 10), 14_400);
        assert_eq!(auto_step(2_000 * 86_400, 10) % 10, 0);
        assert_eq!(auto_step(600, 7), 7);
        assert!(
            parse_length("5").is_ok() && parse_length("0s").is_err() && parse_length("5y").is_err()
        );
    }
}
