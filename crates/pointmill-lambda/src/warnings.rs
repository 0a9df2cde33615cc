//! What a person should read, kept until the language's logger takes it.

use std::collections::HashSet;
use std::sync::Mutex;

use crate::raw::lock;

/// Texts kept and remembered; further ones are counted.
const MAX: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Warnings {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<String>,
    /// Each text is said once.
    said: HashSet<String>,
}

impl Warnings {
    pub(crate) fn say(&self, text: String) {
        let mut state = lock(&self.state);
        if state.said.len() < MAX && state.said.insert(text.clone()) {
            state.waiting.push(text);
            if state.said.len() == MAX {
                state
                    .waiting
                    .push("further warnings are not shown; see the ledger".to_owned());
            }
        }
    }

    /// Those that wait, one a line, if `fits` agrees with their length; they are gone then.
    pub(crate) fn take(&self, fits: impl FnOnce(usize) -> bool) -> Result<String, usize> {
        let mut state = lock(&self.state);
        let text = state.waiting.join("\n");
        if !fits(text.len()) {
            return Err(text.len());
        }
        state.waiting.clear();
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_is_said_once_and_taken_only_whole() {
        let warnings = Warnings::default();
        for text in ["one", "two", "one"] {
            warnings.say(text.to_owned());
        }
        assert_eq!(warnings.take(|len| len < 7), Err(7));
        assert_eq!(warnings.take(|_| true).as_deref(), Ok("one\ntwo"));
        assert_eq!(warnings.take(|_| true).as_deref(), Ok(""));
        (0..1000).for_each(|i| warnings.say(i.to_string()));
        let text = warnings.take(|_| true).unwrap();
        assert_eq!(text.lines().count(), MAX - 2 + 1);
        assert!(text.ends_with("see the ledger"));
    }
}
