//! The ids of the bodies that were stored, so that one sent again is not stored again.
//!
//! A sender that has to split a body gives its halves the same id with `.0` and `.1` behind, and so on.
//! A half of what is known is known; a whole of which a half is known is an old copy of what now comes
//! in halves.

use std::collections::{BTreeMap, VecDeque};

/// Most ids remembered; the oldest go first.
const IDS_MAX: usize = 500_000;

#[derive(Default)]
pub(super) struct Ids {
    /// With the time of each.
    known: BTreeMap<String, i64>,
    by_age: VecDeque<(i64, String)>,
}

impl Ids {
    pub(super) fn remember(&mut self, id: String, at: i64) {
        self.by_age.push_back((at, id.clone()));
        self.known.insert(id, at);
        while self.by_age.len() > IDS_MAX {
            self.forget_oldest();
        }
    }

    /// Whether the points of the body with this id, or some of them, are known.
    pub(super) fn overlap(&self, id: &str) -> bool {
        let mut whole = Some(id);
        while let Some(part) = whole {
            if self.known.contains_key(part) {
                return true;
            }
            whole = whole_of(part);
        }
        let first_part = format!("{id}.");
        self.known
            .range(first_part..)
            .map_while(|(known, _)| known.strip_prefix(id))
            .take_while(|rest| rest.starts_with('.'))
            .any(is_part)
    }

    pub(super) fn forget(&mut self, id: &str) {
        self.known.remove(id);
    }

    pub(super) fn forget_before(&mut self, before: i64) {
        while self.by_age.front().is_some_and(|(at, _)| *at < before) {
            self.forget_oldest();
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Ids::default();
    }

    fn forget_oldest(&mut self) {
        if let Some((at, id)) = self.by_age.pop_front()
            && self.known.get(&id) == Some(&at)
        {
            self.known.remove(&id);
        }
    }
}

/// Whether two bodies have points in common: they are the same, or one is a part of the other.
pub(super) fn same_points(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() < other.len() {
        (one, other)
    } else {
        (other, one)
    };
    long.strip_prefix(short)
        .is_some_and(|rest| rest.is_empty() || is_part(rest))
}

/// The id of what this one is a half of.
fn whole_of(id: &str) -> Option<&str> {
    id.strip_suffix(".0").or_else(|| id.strip_suffix(".1"))
}

/// Whether `rest`, which stands behind an id, is `.0` or `.1` once or several times.
fn is_part(rest: &str) -> bool {
    let mut rest = Some(rest);
    while let Some(left) = rest {
        if left.is_empty() {
            return true;
        }
        rest = whole_of(left);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knowing(ids: &[&str]) -> Ids {
        let mut known = Ids::default();
        for (at, id) in ids.iter().enumerate() {
            known.remember((*id).to_owned(), at as i64);
        }
        known
    }

    #[test]
    fn halves_of_what_is_known_are_known_and_so_is_the_whole_of_a_half() {
        let ids = knowing(&["a", "b.0", "c.1.0", "d-x", "e.txt"]);
        for id in [
            "a", "a.0", "a.1.1", "b", "b.0", "b.0.1", "c", "c.1", "c.1.0",
        ] {
            assert!(ids.overlap(id), "{id}");
        }
        for id in ["b.1", "c.0", "c.1.1", "a.2", "d", "e", "", "a0", "aa"] {
            assert!(!ids.overlap(id), "{id}");
        }
    }

    #[test]
    fn the_same_holds_between_two() {
        for (one, other, same) in [
            ("a", "a", true),
            ("a.0", "a", true),
            ("a", "a.1.0", true),
            ("a.0", "a.1", false),
            ("a", "ab", false),
            ("a", "a.txt", false),
        ] {
            assert_eq!(same_points(one, other), same, "{one} {other}");
            assert_eq!(same_points(other, one), same, "{other} {one}");
        }
    }

    #[test]
    fn what_is_old_is_forgotten_unless_it_came_again() {
        let mut ids = knowing(&["a", "b"]);
        ids.remember("a".to_owned(), 9);
        ids.forget_before(5);
        assert!(ids.overlap("a") && !ids.overlap("b"));
        ids.forget("a");
        assert!(!ids.overlap("a"));
    }
}
