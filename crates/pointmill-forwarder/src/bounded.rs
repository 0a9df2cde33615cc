//! A map with a hard bound that forgets the entries used longest ago.
//!
//! ```text
//! young (≤ N)  every entry written or found lately
//! old   (≤ N)  the young ones of before; found there, an entry moves to young
//!              young full: old is forgotten, young becomes old
//! ```
//!
//! So at least the N entries used last are remembered and never more than 2 N, in constant time and
//! without links between entries.

use std::borrow::Borrow;
use std::hash::Hash;
use std::mem;

use ahash::AHashMap;

/// A map of at most `2 * generation_max` entries.
#[derive(Debug)]
pub(crate) struct Bounded<K, V> {
    young: AHashMap<K, V>,
    old: AHashMap<K, V>,
    generation_max: usize,
}

impl<K: Eq + Hash, V> Bounded<K, V> {
    /// An empty map that remembers at least the `generation_max` entries used last.
    pub(crate) fn new(generation_max: usize) -> Bounded<K, V> {
        Bounded {
            young: AHashMap::new(),
            old: AHashMap::new(),
            generation_max: generation_max.max(1),
        }
    }

    /// The entry of `key`, if it is still remembered.
    pub(crate) fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if !self.young.contains_key(key) {
            let (key, value) = self.old.remove_entry(key)?;
            self.insert(key, value);
        }
        self.young.get_mut(key)
    }

    /// The entry of `key`, made if it is not there.
    pub(crate) fn entry<Q>(&mut self, key: &Q) -> &mut V
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
        V: Default,
    {
        if !self.young.contains_key(key) {
            let (key, value) = match self.old.remove_entry(key) {
                Some(entry) => entry,
                None => (key.to_owned(), V::default()),
            };
            self.insert(key, value);
        }
        // Inserted above if it was not there.
        self.young.get_mut(key).expect("just inserted")
    }

    /// Sets the entry of `key`.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= self.generation_max && !self.young.contains_key(&key) {
            self.old = mem::take(&mut self.young);
        } else {
            self.old.remove(&key);
        }
        self.young.insert(key, value);
    }

    /// Entries remembered.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_keys_leave_the_latest_and_no_more_than_twice_the_bound() {
        let mut map: Bounded<String, u32> = Bounded::new(100);
        for i in 0..100_000_u32 {
            *map.entry(i.to_string().as_str()) = i;
            assert!(map.len() <= 200);
        }
        for i in 99_900..100_000_u32 {
            assert_eq!(map.get_mut(i.to_string().as_str()), Some(&mut { i }));
        }
        assert_eq!(map.get_mut("5"), None);
    }

    #[test]
    fn an_entry_in_use_outlives_the_others() {
        let mut map: Bounded<String, u32> = Bounded::new(4);
        map.insert("kept".to_owned(), 7);
        for i in 0..100 {
            map.insert(i.to_string(), i);
            assert_eq!(map.get_mut("kept"), Some(&mut 7), "{i}");
        }
    }

    #[test]
    fn a_key_stands_in_one_generation_only() {
        let mut map: Bounded<String, u32> = Bounded::new(2);
        for key in ["a", "b", "c"] {
            map.insert(key.to_owned(), 1);
        }
        map.insert("a".to_owned(), 2);
        assert_eq!((map.len(), map.get_mut("a")), (3, Some(&mut 2)));
    }
}
