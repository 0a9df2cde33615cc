//! The engine's options: one table of names, defaults and ranges, from which the setters, the C
//! ABI and every binding's documentation come.

use crate::ConfigError;

/// One option of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigOption {
    /// Its name, units last.
    pub name: &'static str,
    /// Its value when nothing is set.
    pub default: u64,
    /// Smallest value allowed.
    pub min: u64,
    /// Largest value allowed.
    pub max: u64,
    /// One line of explanation.
    pub doc: &'static str,
}

macro_rules! options {
    ($($(#[doc = $doc:literal])+ $name:ident = $default:expr, $min:expr, $max:expr;)+) => {
        /// Limits and habits of an engine. Every field is checked when it is set by
        /// [`Config::set`] and once more by [`Engine::new`](crate::Engine::new).
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Config {
            $($(#[doc = $doc])+ pub $name: u64,)+
        }

        impl Default for Config {
            fn default() -> Config {
                Config { $($name: $default,)+ }
            }
        }

        impl Config {
            /// Every option, in the order of the documentation.
            pub const OPTIONS: &'static [ConfigOption] = &[$(ConfigOption {
                name: stringify!($name),
                default: $default,
                min: $min,
                max: $max,
                doc: concat!($($doc),+),
            },)+];

            /// Sets the option `name` from text.
            ///
            /// # Errors
            /// [`ConfigError::UnknownOption`] or [`ConfigError::BadValue`]; nothing changed.
            pub fn set(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
                let option = Self::OPTIONS
                    .iter()
                    .find(|o| o.name == name)
                    .ok_or_else(|| ConfigError::UnknownOption { name: name.to_owned() })?;
                let number = value
                    .trim()
                    .parse()
                    .ok()
                    .filter(|n| (option.min..=option.max).contains(n))
                    .ok_or_else(|| option.bad_value(value))?;
                match name {
                    $(stringify!($name) => self.$name = number,)+
                    _ => unreachable!("the table has been searched"),
                }
                Ok(())
            }

            /// The value of the option `name`, if there is one of that name.
            #[must_use]
            pub fn get(&self, name: &str) -> Option<u64> {
                match name {
                    $(stringify!($name) => Some(self.$name),)+
                    _ => None,
                }
            }
        }
    };
}

options! {
    /// Size of the arena in bytes: the hard bound of what the engine remembers. Pages are touched
    /// as they are needed.
    arena_bytes = 64 << 20, 1 << 20, 1 << 36;
    /// Contexts (kind + name + tag set) alive at one time; further tag sets fold into the
    /// overflow context of their metric.
    contexts_max = 16_384, 1, 1 << 20;
    /// Tags of one context after removal of duplicates; a set with more folds into the overflow
    /// context of its metric.
    tags_max = 100, 1, 1_000;
    /// Bytes of a metric name; a longer one is refused.
    name_bytes_max = 512, 1, 4_096;
    /// Bytes of one tag; a longer one is refused.
    tag_bytes_max = 512, 1, 4_096;
    /// Bytes for all names and tags together; 0 gives 256 for each context there may be.
    names_bytes = 0, 0, 1 << 34;
    /// Threads that record at one time with a lane of their own; further ones share lanes and may
    /// wait for each other.
    threads_max = 64, 1, 4_096;
    /// Length of an interval in seconds. Intervals are aligned to multiples of it.
    interval_s = 10, 1, 1 << 31;
    /// Flushes without a point after which a context is given back; 0 keeps contexts for ever.
    idle_flushes = 360, 0, 1 << 31;
    /// How far behind the engine's time a timestamp may lie, in seconds.
    past_max_s = 3_600, 0, 1 << 40;
    /// How far ahead of the engine's time a timestamp may lie, in seconds.
    future_max_s = 600, 0, 1 << 40;
}

impl ConfigOption {
    fn bad_value(&self, value: &str) -> ConfigError {
        ConfigError::BadValue {
            name: self.name,
            value: value.to_owned(),
            min: self.min,
            max: self.max,
        }
    }
}

impl Config {
    /// Checks every option's range, for a `Config` whose fields were written directly.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        for option in Self::OPTIONS {
            let value = self.get(option.name).unwrap_or(option.default);
            if !(option.min..=option.max).contains(&value) {
                return Err(option.bad_value(&value.to_string()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_can_be_set_to_both_ends_of_its_range_and_no_further() {
        for option in Config::OPTIONS {
            let mut config = Config::default();
            assert_eq!(
                config.get(option.name),
                Some(option.default),
                "{}",
                option.name
            );
            for value in [option.min, option.max] {
                config.set(option.name, &value.to_string()).unwrap();
                assert_eq!(config.get(option.name), Some(value));
                config.check().unwrap();
            }
            let before = config.clone();
            let error = config
                .set(option.name, &(option.max + 1).to_string())
                .unwrap_err();
            assert!(error.to_string().contains(option.name), "{error}");
            assert_eq!(config, before);
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_names_there_are() {
        let error = Config::default()
            .set("contexts", "5")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("\"contexts\"") && error.contains("contexts_max"),
            "{error}"
        );
        assert!(Config::default().set("interval_s", "ten").is_err());
        assert!(Config::default().set("interval_s", " 20 ").is_ok());
    }

    #[test]
    fn a_field_written_directly_is_checked_later() {
        let config = Config {
            interval_s: 0,
            ..Config::default()
        };
        assert!(matches!(
            config.check(),
            Err(ConfigError::BadValue {
                name: "interval_s",
                ..
            })
        ));
    }
}
