//! What differs between kinds of pickles.

use std::fmt::Debug;

use super::machine::Machine;
use super::value::{Kind, Value};

/// A value of a pickle in dialect `D`.
pub(crate) type ValueOf<'a, D> = Value<'a, <D as Dialect<'a>>::Global, <D as Dialect<'a>>::Object>;

/// One kind of pickles: the names it may mention, and what they mean. Python would import them and call them; here each is
/// only a word, and all that a dialect does is to note what objects were described.
pub(crate) trait Dialect<'a>: Sized + Debug {
    /// A name of the allow-list.
    type Global: Copy + PartialEq + Debug;
    /// An object, by index where it is not small.
    type Object: Copy + PartialEq + Debug + Kind;

    /// What such pickles hold, for messages: `no {HOLDS} needs it`.
    const HOLDS: &'static str;

    /// The meaning of `module.name`, if it is on the list.
    fn global(module: &str, name: &str) -> Option<Self::Global>;

    /// REDUCE: calls `global`; what it gives is pushed.
    fn call(
        machine: &mut Machine<'a, Self>,
        global: Self::Global,
        arguments: &[ValueOf<'a, Self>],
    ) -> Result<(), String>;

    /// BUILD: sets the state of `object`, which is on top of the stack.
    fn set_state(
        machine: &mut Machine<'a, Self>,
        object: ValueOf<'a, Self>,
        state: ValueOf<'a, Self>,
    ) -> Result<(), String>;

    /// An instruction beyond those of every dialect.
    fn instruction(_machine: &mut Machine<'a, Self>, code: u8) -> Result<(), String> {
        Err(Self::refused_instruction(code))
    }

    fn refused_instruction(code: u8) -> String {
        format!(
            "refused: no {} needs pickle instruction {code:#04x}",
            Self::HOLDS
        )
    }

    fn refused_call(global: Self::Global, arguments: &[ValueOf<'a, Self>]) -> String {
        format!("refused: calls {global:?} with ({})", kinds(arguments))
    }

    fn refused_state(object: ValueOf<'a, Self>, state: ValueOf<'a, Self>) -> String {
        format!(
            "refused: sets the state of {} to {}",
            object.kind(),
            state.kind()
        )
    }
}

/// What the first of `values` are.
pub(crate) fn kinds<G, O: Kind>(values: &[Value<'_, G, O>]) -> String {
    let kinds: Vec<_> = values.iter().take(8).map(Value::kind).collect();
    kinds.join(", ")
}
