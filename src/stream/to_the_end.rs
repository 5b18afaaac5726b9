//! What is done to the end, whether its client waits for it or not: dropping a request's future stops it anywhere, and of some
//! deeds it must be told what became of them.

use std::future::Future;

/// Does it on this thread; the caller may go away.
pub async fn to_the_end<T: 'static>(work: impl Future<Output = T> + 'static) -> T {
    match tokio::task::spawn_local(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The thread ends, and the caller with it.
            Err(_cancelled) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use tokio::task::LocalSet;

    use super::to_the_end;

    #[tokio::test]
    async fn work_goes_on_when_nobody_waits_for_it_any_more() {
        let local = LocalSet::new();
        let done = Rc::new(Cell::new(false));
        let work = {
            let done = Rc::clone(&done);
            async move {
                tokio::task::yield_now().await;
                done.set(true);
            }
        };
        local
            .run_until(async {
                let waiting = tokio::task::spawn_local(to_the_end(work));
                tokio::task::yield_now().await;
                waiting.abort();
                assert!(waiting.await.unwrap_err().is_cancelled());
            })
            .await;
        local.await;
        assert!(done.get());
    }
}
