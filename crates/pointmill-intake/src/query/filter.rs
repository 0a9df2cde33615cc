//! Which contexts: `origin:ATL|JFK,env:*,!team:x`.

/// Conditions that a context's tags must all meet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    not: bool,
    /// One of these must match a tag as a whole; `*` stands for any text.
    patterns: Vec<String>,
}

/// Longest filter, in bytes.
const TEXT_MAX: usize = 4_096;

impl Filter {
    /// Reads conditions separated by commas. `a|b` after the colon, or in a tag without one, is
    /// either; `!` in front turns a condition round.
    ///
    /// # Errors
    /// What is wrong, and how it is written.
    pub fn parse(text: &str) -> Result<Filter, String> {
        if text.len() > TEXT_MAX {
            return Err(format!(
                "a filter of more than {TEXT_MAX} bytes; use fewer conditions"
            ));
        }
        let mut conditions = Vec::new();
        for item in text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
        {
            let (not, rest) = item
                .strip_prefix('!')
                .map_or((false, item), |rest| (true, rest));
            if rest.is_empty() {
                return Err("nothing behind '!'; write !key:value".to_owned());
            }
            let patterns = match rest.split_once(':') {
                Some((key, values)) => values
                    .split('|')
                    .map(|value| format!("{key}:{value}"))
                    .collect(),
                None => rest.split('|').map(str::to_owned).collect(),
            };
            conditions.push(Condition { not, patterns });
        }
        Ok(Filter { conditions })
    }

    /// Whether tags meet all conditions.
    pub(crate) fn matches<'t>(&self, tags: impl Iterator<Item = &'t str> + Clone) -> bool {
        self.conditions.iter().all(|condition| {
            let found = tags
                .clone()
                .any(|tag| condition.patterns.iter().any(|pattern| glob(pattern, tag)));
            found != condition.not
        })
    }

    /// Whether every context passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// This filter with another condition.
    #[must_use]
    pub fn and(&self, pattern: &str) -> Filter {
        let mut filter = self.clone();
        filter.conditions.push(Condition {
            not: false,
            patterns: vec![pattern.to_owned()],
        });
        filter
    }
}

/// Whether `text` is `pattern`, in which `*` stands for any text. Linear but for one step back a star.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(head) else {
        return false;
    };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, wanted) in [
            ("a:b", "a:b", true),
            ("a:b", "a:bc", false),
            ("a:*", "a:", true),
            ("a:*", "b:a", false),
            ("*", "anything", true),
            ("a:*c", "a:bc", true),
            ("a:*c*e", "a:bcde", true),
            ("a:*c*e", "a:bced", false),
            ("a*a", "a", false),
            ("a**b", "ab", true),
        ] {
            assert_eq!(glob(pattern, text), wanted, "{pattern} {text}");
        }
    }

    #[test]
    fn conditions_are_all_met() {
        let tags = ["env:prod", "origin:ATL", "plain"];
        let ok = |text: &str| Filter::parse(text).unwrap().matches(tags.iter().copied());
        assert!(
            ok("")
                && ok("env:prod,origin:*")
                && ok("origin:JFK|ATL")
                && ok("!team:*")
                && ok("plain")
        );
        assert!(!ok("env:prod,origin:JFK") && !ok("!origin:A*") && !ok("ATL"));
        assert!(Filter::parse("!").is_err() && Filter::parse(&"x".repeat(5000)).is_err());
    }
}
