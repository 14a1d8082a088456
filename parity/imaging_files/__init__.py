"""The files that crates/imaging is tested with, one module per format."""
