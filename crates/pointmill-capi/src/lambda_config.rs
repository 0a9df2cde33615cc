//! The settings of a Lambda function's metrics: a language, an environment, options.

#![allow(non_camel_case_types)]

use std::ffi::c_char;

use ::pointmill_lambda::Language;
use ::pointmill_lambda::settings::{OptionError, Source};

use crate::codes::{Code, Failure};
use crate::handle::{self, edit, give};
use crate::pointer::{Out, Text, c_text};
use crate::text::{pointmill_error, pointmill_str};

/// The function is written in Python; datadog-lambda-python is stood in for.
pub const POINTMILL_LAMBDA_PYTHON: u32 = 1;
/// JavaScript; datadog-lambda-js.
pub const POINTMILL_LAMBDA_NODE: u32 = 2;
/// Go; datadog-lambda-go.
pub const POINTMILL_LAMBDA_GO: u32 = 3;
/// Ruby; datadog-lambda-rb.
pub const POINTMILL_LAMBDA_RUBY: u32 = 4;
/// Java; datadog-lambda-java.
pub const POINTMILL_LAMBDA_JAVA: u32 = 5;

handle! {
    /// Where the settings of a pointmill_lambda come from. One thread at a time.
    ///
    /// An option beats every variable, DD_ variables beat DATADOG_ ones, and then comes the default.
    /// docs/LAMBDA.md lists options and variables.
    pub struct pointmill_lambda_config(Source);
}

export! {
    /// Makes a configuration for a function in a language: no variables, no options.
    ///
    /// Threads:   any.
    /// Ownership: the caller frees *out with pointmill_lambda_config_free.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   out; written only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_INVALID (no such
    ///            language), POINTMILL_E_PANIC.
    /// Units:     language: POINTMILL_LAMBDA_PYTHON, _NODE, _GO, _RUBY or _JAVA.
    /// Since:     0.1
    fn pointmill_lambda_config_new(language: u32, out: *mut *mut pointmill_lambda_config) -> i32 {
        // SAFETY: the caller lends `out` for the call.
        let out = unsafe { Out::new(out) }?;
        let language = Language::from_number(language).ok_or(Code::INVALID)?;
        give(out, Source::new(language));
        Ok(())
    }
}
export! {
    /// Frees a configuration.
    ///
    /// Threads:   no other call may use it now or later.
    /// Ownership: takes the configuration; objects made with it do not need it.
    /// NULL:      does nothing.
    /// Outputs:   none.
    /// Returns:   nothing.
    /// Units:     none.
    /// Since:     0.1
    fn pointmill_lambda_config_free(config: *mut pointmill_lambda_config) {
        // SAFETY: the caller gives the configuration up.
        unsafe { handle::free(config) };
    }
}
export! {
    /// Adds a variable of the environment, in place of an earlier one of that name. Names that no
    /// setting is read from are passed over. A value that makes no sense is no error: it becomes a
    /// warning of the object, since nobody could act on an error while a function starts.
    ///
    /// Threads:   one at a time on config.
    /// Ownership: name and value are borrowed for the call.
    /// NULL:      POINTMILL_E_NULL; a text's ptr may be NULL if its len is 0.
    /// Outputs:   none.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_INVALID (a length), POINTMILL_E_UTF8 (the name), POINTMILL_E_POISONED,
    ///            POINTMILL_E_PANIC.
    /// Units:     none.
    /// Since:     0.1
    #[poison(config)]
    fn pointmill_lambda_config_env(
        config: *mut pointmill_lambda_config,
        name: pointmill_str,
        value: pointmill_str,
    ) -> i32 {
        // SAFETY: the caller keeps the configuration alive and to this call.
        let source = unsafe { edit(config) }?;
        // SAFETY: the caller lends both texts for the call.
        let name = unsafe { Text::new(name) }?;
        // SAFETY: the same.
        let value = unsafe { Text::new(value) }?;
        let name = std::str::from_utf8(name.bytes()).map_err(|_| Code::UTF8)?;
        source.variable(name, &String::from_utf8_lossy(value.bytes()));
        Ok(())
    }
}
export! {
    /// Adds the variables of this process that settings are read from (DD_*, DATADOG_*, AWS_*,
    /// POINTMILL_*, proxies). The environment is read here and never again.
    ///
    /// Threads:   one at a time on config; no other thread may change the environment meanwhile.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   none.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_POISONED, POINTMILL_E_PANIC.
    /// Units:     none.
    /// Since:     0.1
    #[poison(config)]
    fn pointmill_lambda_config_process_env(config: *mut pointmill_lambda_config) -> i32 {
        // SAFETY: the caller keeps the configuration alive and to this call.
        let source = unsafe { edit(config) }?;
        source.process_env();
        Ok(())
    }
}
export! {
    /// Sets an option, which beats every variable.
    ///
    /// Threads:   one at a time on config.
    /// Ownership: name and value are borrowed for the call.
    /// NULL:      err may be NULL. Others: POINTMILL_E_NULL; value.ptr may be NULL if its len is 0.
    /// Outputs:   err, on failure, says what is allowed.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_STRUCT_SIZE (err), POINTMILL_E_INVALID (a length), POINTMILL_E_UTF8,
    ///            POINTMILL_E_UNKNOWN_OPTION, POINTMILL_E_BAD_VALUE, POINTMILL_E_POISONED,
    ///            POINTMILL_E_PANIC.
    /// Units:     none.
    /// Since:     0.1
    #[poison(config)]
    #[explain(err)]
    fn pointmill_lambda_config_set(
        config: *mut pointmill_lambda_config,
        name: *const c_char,
        value: pointmill_str,
        err: *mut pointmill_error,
    ) -> i32 {
        // SAFETY: the caller keeps the configuration alive and to this call.
        let source = unsafe { edit(config) }?;
        // SAFETY: the caller lends the text, NUL-terminated, for the call.
        let name = unsafe { c_text(name) }?;
        // SAFETY: the caller lends the text for the call.
        let value = unsafe { Text::new(value) }?;
        let value = std::str::from_utf8(value.bytes()).map_err(|_| Code::UTF8)?;
        Ok(source.set(name, value)?)
    }
}
impl From<OptionError> for Failure {
    fn from(error: OptionError) -> Failure {
        let code = match error {
            OptionError::Unknown(_) => Code::UNKNOWN_OPTION,
            OptionError::BadValue { .. } => Code::BAD_VALUE,
        };
        code.because(error)
    }
}
