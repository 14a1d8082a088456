//! Pickles without Python: a machine that knows the few instructions data is made of and executes nothing.
//!
//! A pickle is a program; Python's `pickle.load` runs it, and looks up and calls whatever it names. This machine builds values
//! from the instructions of protocols 2 to 5, refuses names outside a list, and leaves to a [`Dialect`] what a name on the list
//! stands for. Format: Python's `pickletools.py`.

mod dialect;
mod machine;
mod unpickle;
mod value;

pub(crate) use dialect::{Dialect, ValueOf, kinds};
pub(crate) use machine::{Machine, within_limit};
pub(crate) use unpickle::{Pickle, unpickle};
pub(crate) use value::{Kind, Value};
