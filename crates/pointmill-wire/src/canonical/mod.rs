//! The canonical DDSketch on the wire.
