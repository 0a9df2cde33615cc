//! What a Lambda platform says in its logs and telemetry, turned into metrics.
