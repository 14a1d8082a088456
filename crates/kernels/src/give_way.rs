//! Where a thread may hand its core over to more urgent work.

use std::cell::Cell;

thread_local! {
    static GIVE_WAY: Cell<Option<fn()>> = const { Cell::new(None) };
}

/// Has this thread call `give_way` at the start of every task of a loop, which is every millisecond or so. It may block there for
/// as long as the core is wanted elsewhere: a task holds no lock.
pub fn at_every_task(give_way: fn()) {
    GIVE_WAY.set(Some(give_way));
}

/// A task begins.
#[inline]
pub(crate) fn task_begins() {
    if let Some(give_way) = GIVE_WAY.get() {
        give_way();
    }
}
