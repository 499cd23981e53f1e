//! Running what may panic: each on a thread and a runtime of its own, many at once.

use std::any::Any;
use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use futures_util::FutureExt;
use tokio::runtime::Builder;
use tokio::sync::OnceCell;

/// Something to run; an error is what its panic said.
pub(crate) type Job<T> = Box<dyn FnOnce() -> Result<T, String> + Send>;

/// A job that runs a future.
pub(crate) fn job<T, F: Future<Output = T>>(make: impl FnOnce() -> F + Send + 'static) -> Job<T> {
    Box::new(|| {
        let run = || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(make())
        };
        catch_unwind(AssertUnwindSafe(run)).map_err(words)
    })
}

/// Runs jobs, so many at once, and gives their results with what they are known by.
pub(crate) fn all<K: Send, T: Send>(
    jobs: impl IntoIterator<Item = (K, Job<T>)>,
    at_once: usize,
) -> Vec<(K, Result<T, String>)> {
    let waiting: Mutex<VecDeque<_>> = Mutex::new(jobs.into_iter().collect());
    let done = Mutex::new(Vec::new());
    let work = || {
        loop {
            let next = waiting.lock().unwrap().pop_front();
            let Some((key, job)) = next else {
                return;
            };
            let result = job();
            done.lock().unwrap().push((key, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(work);
        }
    });
    done.into_inner().unwrap()
}

/// Runs what stands for several cases once; all of them fail with it.
pub(crate) async fn once(seen: &OnceCell<Result<(), String>>, run: impl Future<Output = ()>) {
    let run = async { AssertUnwindSafe(run).catch_unwind().await.map_err(words) };
    if let Err(why) = seen.get_or_init(|| run).await {
        panic!("{why}");
    }
}

/// What a panic said.
fn words(panic: Box<dyn Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(words) => *words,
        Err(panic) => match panic.downcast::<&str>() {
            Ok(words) => (*words).to_owned(),
            Err(_) => "a panic without words".to_owned(),
        },
    }
}
