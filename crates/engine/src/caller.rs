//! On whose behalf a request is worked on, so that models serve callers in turn.

use std::sync::Arc;

tokio::task_local! {
    static CALLER: Caller;
}

/// A caller's name; none where callers are not told apart.
pub(crate) type Caller = Option<Arc<str>>;

/// Does `work` for the caller of this name: what it asks of models is served in turn with what others ask.
pub async fn on_behalf_of<T>(caller: Arc<str>, work: impl Future<Output = T>) -> T {
    CALLER.scope(Some(caller), work).await
}

/// Who this task works for.
pub(crate) fn current() -> Caller {
    CALLER.try_with(Clone::clone).unwrap_or_default()
}
