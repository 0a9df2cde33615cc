//! AWS Lambda: the environment read, invocations begun and ended, enhanced metrics with exact tags.
