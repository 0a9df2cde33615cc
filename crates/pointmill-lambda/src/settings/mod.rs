//! Settings: from options and the environment to checked values, with one precedence.
//!
//! 1. an option given by the caller,
//! 2. the setting's variables in the order of [`SETTINGS`] (`DD_` before `DATADOG_`),
//! 3. its default.
//!
//! A variable that is set but empty counts as not set, but for flags, where it means false. A value
//! that makes no sense never stops a function: it becomes a warning, and the next in the list is
//! taken (a flag: false; `fips_mode`: the region's rule). An option that makes no sense is an error,
//! since somebody is there to read it.

mod table;

pub use table::{SETTINGS, Setting, Sort, find};

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::Language;

/// Where settings come from: a language, an environment, options. Nothing is read that was not
/// given; [`Source::process_env`] gives the process's.
#[derive(Clone, Debug)]
pub struct Source {
    language: Language,
    variables: BTreeMap<String, String>,
    options: BTreeMap<&'static str, String>,
}

/// An option that does not exist or does not allow the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionError {
    /// No setting has this name.
    Unknown(String),
    /// The setting does not allow this value.
    BadValue {
        /// The setting.
        name: &'static str,
        /// The value as given; empty for a secret.
        value: String,
        /// What is allowed.
        allowed: String,
    },
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OptionError::Unknown(name) => {
                let names: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
                write!(
                    f,
                    "no option is named {name:?}; there are {}",
                    names.join(", ")
                )
            }
            OptionError::BadValue {
                name,
                value,
                allowed,
            } => {
                write!(f, "option {name}: {value:?} is not allowed; use {allowed}")
            }
        }
    }
}

impl std::error::Error for OptionError {}

impl Source {
    /// No variables, no options.
    #[must_use]
    pub fn new(language: Language) -> Source {
        Source {
            language,
            variables: BTreeMap::new(),
            options: BTreeMap::new(),
        }
    }

    /// Adds a variable, in place of an earlier one of its name. Those that no setting is read from
    /// are not kept.
    pub fn variable(&mut self, name: &str, value: &str) -> &mut Source {
        let known = |setting: &Setting| setting.variables.contains(&name);
        if SETTINGS.iter().any(known) {
            self.variables.insert(name.to_owned(), value.to_owned());
        }
        self
    }

    /// Adds the variables of this process. Values that are not UTF-8 are mended.
    pub fn process_env(&mut self) -> &mut Source {
        for name in SETTINGS.iter().flat_map(|setting| setting.variables) {
            if let Some(value) = std::env::var_os(name) {
                self.variable(name, &value.to_string_lossy());
            }
        }
        self
    }

    /// Sets an option, which beats every variable.
    ///
    /// # Errors
    /// [`OptionError`]; nothing changed.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), OptionError> {
        let setting = find(name).ok_or_else(|| OptionError::Unknown(name.to_owned()))?;
        let text = check(setting, value).map_err(|allowed| OptionError::BadValue {
            name: setting.name,
            value: shown(setting, value),
            allowed,
        })?;
        self.options.insert(setting.name, text);
        Ok(())
    }

    /// The settings, and what is to be said about the variables.
    #[must_use]
    pub fn resolve(&self) -> (Settings, Vec<String>) {
        let mut warnings = Vec::new();
        let values = SETTINGS
            .iter()
            .map(|setting| (setting.name, self.value(setting, &mut warnings)))
            .collect();
        let settings = Settings {
            language: self.language,
            values,
            options: self.options.keys().copied().collect(),
        };
        (settings, warnings)
    }

    fn value(&self, setting: &Setting, warnings: &mut Vec<String>) -> String {
        if let Some(value) = self.options.get(setting.name) {
            return value.clone();
        }
        let set = setting
            .variables
            .iter()
            .filter_map(|name| self.variables.get(*name).map(|value| (*name, value)));
        if setting.name == "tags" {
            // The one list: what both variables say, once.
            let all: Vec<&str> = set.map(|(_, value)| value.as_str()).collect();
            return all.join(",");
        }
        for (name, value) in set {
            if value.trim().is_empty() && setting.sort != Sort::Flag {
                continue;
            }
            let allowed = match check(setting, value) {
                Ok(text) => return text,
                Err(allowed) => allowed,
            };
            let instead = match setting.sort {
                Sort::Flag if setting.name != "fips_mode" => "false",
                _ => "",
            };
            let taken = if instead.is_empty() {
                "it is ignored"
            } else {
                "taken as false"
            };
            let value = shown(setting, value);
            warnings.push(format!("{name}={value} is not {allowed}; {taken}"));
            if !instead.is_empty() {
                return instead.to_owned();
            }
        }
        setting.default.to_owned()
    }
}

/// The value in its one spelling, or what would be allowed.
fn check(setting: &Setting, value: &str) -> Result<String, String> {
    let trimmed = value.trim();
    match setting.sort {
        Sort::Text | Sort::Secret => Ok(trimmed.to_owned()),
        Sort::Flag => flag(trimmed)
            .map(|on| on.to_string())
            .ok_or_else(|| "true or false".to_owned()),
        Sort::Number(min, max) => trimmed
            .parse::<u64>()
            .ok()
            .filter(|n| (min..=max).contains(n))
            .map(|n| n.to_string())
            .ok_or_else(|| format!("a whole number from {min} to {max}")),
        Sort::Choice(choices) => choices
            .iter()
            .find(|choice| trimmed.eq_ignore_ascii_case(choice))
            .map(|choice| (*choice).to_owned())
            .ok_or_else(|| format!("one of {}", choices.join(", "))),
    }
}

/// A flag in any spelling that one of the layers, or Go, takes.
fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "t" | "yes" | "y" | "on" => Some(true),
        "false" | "0" | "f" | "no" | "n" | "off" | "" => Some(false),
        _ => None,
    }
}

fn shown(setting: &Setting, value: &str) -> String {
    match setting.sort {
        Sort::Secret => String::new(),
        // A warning is no place for a stranger's megabyte.
        _ => value.chars().take(100).collect(),
    }
}

/// Checked settings.
#[derive(Clone)]
pub struct Settings {
    language: Language,
    values: BTreeMap<&'static str, String>,
    options: BTreeSet<&'static str>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(SETTINGS.iter().map(|s| (s.name, self.shown(s.name))))
            .finish()
    }
}

impl Settings {
    /// The language of the function.
    #[must_use]
    pub fn language(&self) -> Language {
        self.language
    }

    /// A setting's value; empty if there is none, or no such setting.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// A setting's value for human eyes: secrets read `***`. `None` if there is no such setting.
    #[must_use]
    pub fn shown(&self, name: &str) -> Option<&str> {
        let setting = find(name)?;
        match self.text(setting.name) {
            "" => Some(""),
            _ if setting.sort == Sort::Secret => Some("***"),
            text => Some(text),
        }
    }

    /// Whether a flag is on.
    #[must_use]
    pub fn on(&self, name: &str) -> bool {
        self.text(name) == "true"
    }

    /// A number; 0 if there is none.
    #[must_use]
    pub fn number(&self, name: &str) -> u64 {
        self.text(name).parse().unwrap_or(0)
    }

    /// Whether a setting was given as an option.
    #[must_use]
    pub fn is_option(&self, name: &str) -> bool {
        self.options.contains(name)
    }

    /// Whether an API key can be had from somewhere.
    #[must_use]
    pub fn has_key_source(&self) -> bool {
        [
            "api_key",
            "api_key_secret_arn",
            "api_key_ssm_name",
            "kms_api_key",
        ]
        .iter()
        .any(|name| !self.text(name).is_empty())
    }

    /// Whether FIPS rules hold: as set, or, by default, in the regions `us-gov-*`.
    #[must_use]
    pub fn fips(&self) -> bool {
        match self.text("fips_mode") {
            "" => self.text("region").starts_with("us-gov-"),
            set => set == "true",
        }
    }

    /// The value of `dd_lambda_layer`, fit for a tag list: blanks and commas become `-`.
    #[must_use]
    pub fn layer(&self) -> String {
        self.text("layer_tag").replace([' ', ','], "-")
    }

    /// The tags that every point to the extension carries: what the language's DogStatsD client adds
    /// of the environment, in its order.
    #[must_use]
    pub fn extension_tags(&self) -> Vec<String> {
        let mut tags = Vec::new();
        for name in self.language.profile().extension_tags {
            match (*name, self.text(name)) {
                (_, "") => {}
                ("tags", list) => tags.extend(
                    list.split(',')
                        .map(str::trim)
                        .filter(|tag| !tag.is_empty())
                        .map(str::to_owned),
                ),
                ("entity_id", id) => tags.push(format!("dd.internal.entity_id:{id}")),
                (name, value) => tags.push(format!("{name}:{value}")),
            }
        }
        tags
    }

    /// The tags that every point carries in HTTP mode: `tags` without duplicates, then `env`,
    /// `service` and `version`.
    #[must_use]
    pub fn global_tags(&self) -> Vec<String> {
        let mut tags: Vec<String> = Vec::new();
        let listed = self
            .text("tags")
            .split(',')
            .map(|tag| tag.trim().to_owned());
        let own = ["env", "service", "version"]
            .into_iter()
            .filter(|name| !self.text(name).is_empty())
            .map(|name| format!("{name}:{}", self.text(name)));
        for tag in listed.chain(own) {
            if !tag.is_empty() && !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        tags
    }
}

#[cfg(test)]
mod tests;
