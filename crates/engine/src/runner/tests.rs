mod gate;
mod texts;

use std::time::Duration;

use super::*;
use crate::lineup::{Lineup, Role};
use crate::network::Output;
use gate::{Gate, pixels};

fn clip() -> Model {
    Lineup::default().model(Role::Clip)
}

/// A runner of `gate`, which takes up to `max_batch` images at a time.
fn runner(gate: &Gate, max_batch: usize) -> Arc<Runner> {
    let mut runner = Runner::stand_in(clip(), gate.loaded());
    runner.settings.max_batch = max_batch;
    Arc::new(runner)
}

/// Asks for the vector of an image of one grey.
fn ask(runner: &Arc<Runner>, grey: u8) -> tokio::task::JoinHandle<Result<Reply, ModelError>> {
    let runner = Arc::clone(runner);
    tokio::spawn(async move { runner.run(Input::Pixels(pixels(grey))).await })
}

/// Lets what was spawned run until it waits.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

fn vector(reply: Result<Reply, ModelError>) -> Vec<f32> {
    match reply.unwrap().output {
        Output::Vector(vector) => vector,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_queued_while_the_model_works_runs_together_and_in_order() {
    for (max_batch, batches) in [
        (8, vec![vec![1], vec![2, 3, 4]]),
        (2, vec![vec![1], vec![2, 3], vec![4]]),
        (1, vec![vec![1], vec![2], vec![3], vec![4]]),
    ] {
        let gate = Gate::closed();
        let runner = runner(&gate, max_batch);
        let mut asked = vec![ask(&runner, 1)];
        settle().await;
        gate.wait_for_batches(1);
        for grey in 2..=4 {
            asked.push(ask(&runner, grey));
            settle().await;
        }
        gate.open();
        for (grey, reply) in (1u8..).zip(asked) {
            assert_eq!(vector(reply.await.unwrap()), [f32::from(grey)]);
        }
        assert_eq!(gate.batches(), batches);
    }
}

#[tokio::test]
async fn whoever_is_gone_costs_nothing_queued_or_running() {
    let gate = Gate::closed();
    let runner = runner(&gate, 1);
    let running = ask(&runner, 1);
    settle().await;
    gate.wait_for_batches(1);
    let queued = ask(&runner, 2);
    let last = ask(&runner, 3);
    settle().await;
    queued.abort();
    running.abort();
    settle().await;
    // The gate is closed: only the model's own question lets it end.
    gate.wait_for_batches(2);
    gate.open();
    assert_eq!(vector(last.await.unwrap()), [3.0]);
    assert_eq!(gate.batches(), [[1], [3]]);
    assert_eq!(gate.interrupted(), 1);
}

#[tokio::test]
async fn a_batch_goes_on_while_anybody_waits_for_it() {
    let gate = Gate::closed();
    let runner = runner(&gate, 8);
    let first = ask(&runner, 1);
    settle().await;
    gate.wait_for_batches(1);
    let [gone, stays] = [2, 3].map(|grey| ask(&runner, grey));
    settle().await;
    gate.open_once();
    vector(first.await.unwrap());
    gate.wait_for_batches(2);
    gone.abort();
    settle().await;
    gate.open();
    assert_eq!(vector(stays.await.unwrap()), [3.0]);
    assert_eq!(gate.interrupted(), 0);
}

#[tokio::test]
async fn a_panic_fails_its_batch_and_nothing_else() {
    let gate = Gate::closed();
    let runner = runner(&gate, 2);
    let first = ask(&runner, 1);
    settle().await;
    gate.wait_for_batches(1);
    let asked = [2, Gate::PANICS, 4].map(|grey| ask(&runner, grey));
    settle().await;
    gate.open();
    vector(first.await.unwrap());
    let [beside, panicking, after] = asked;
    for failed in [beside, panicking] {
        let error = failed.await.unwrap().unwrap_err();
        assert!(matches!(error, ModelError::Panicked), "{error}");
    }
    assert_eq!(vector(after.await.unwrap()), [4.0]);
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_time_is_over_frees_the_model() {
    let gate = Gate::closed();
    let runner = runner(&gate, 1);
    let asking = Arc::clone(&runner);
    let late = tokio::spawn(async move {
        let asked = asking.run(Input::Pixels(pixels(1)));
        tokio::time::timeout(Duration::from_secs(60), asked).await
    });
    settle().await;
    gate.wait_for_batches(1);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert!(late.await.unwrap().is_err());
    gate.wait_for_interrupts(1);
    gate.open();
    assert_eq!(vector(runner.run(Input::Pixels(pixels(2))).await), [2.0]);
}

#[tokio::test]
async fn a_request_waits_for_weights_that_are_being_read_but_not_for_a_download() {
    let gate = Gate::closed();
    gate.open();
    let runner = runner(&gate, 1);
    runner.state.send_replace(State::Loading);
    let waiting = ask(&runner, 1);
    settle().await;
    assert!(!waiting.is_finished());
    assert_eq!(runner.readiness().0, Readiness::Loading);
    runner.put(gate.loaded());
    assert_eq!(vector(waiting.await.unwrap()), [1.0]);

    runner.state.send_replace(State::Fetching);
    let error = ask(&runner, 1).await.unwrap().unwrap_err().to_string();
    let said = "model clip-vit-b-32 is not available: its weights are being downloaded";
    assert_eq!(error, said);
}

#[tokio::test(start_paused = true)]
async fn a_failed_load_is_tried_again_after_a_while() {
    let gate = Gate::closed();
    let runner = runner(&gate, 1);
    runner.fail("out of memory".to_owned(), RETRY_AFTER);
    let said = "model clip-vit-b-32 is not available: ";
    let error = || async {
        let error = runner.run(Input::Pixels(pixels(1))).await.unwrap_err();
        error.to_string()
    };
    assert_eq!(error().await, format!("{said}out of memory"));
    tokio::time::advance(RETRY_AFTER).await;
    // There is nothing on disk, which it finds out now.
    let tried_again = error().await;
    assert!(
        tried_again.starts_with(said) && !tried_again.contains("out of memory"),
        "{tried_again}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_model_that_nobody_asks_for_gives_its_memory_back() {
    let ttl = Duration::from_secs(60);
    let gate = Gate::closed();
    gate.open();
    let runner = runner(&gate, 1);
    tokio::time::advance(ttl / 2).await;
    vector(runner.run(Input::Pixels(pixels(1))).await);
    tokio::time::advance(ttl / 2).await;
    runner.unload_if_unused(ttl);
    assert_eq!(runner.readiness().0, Readiness::Ready);
    tokio::time::advance(ttl / 2).await;
    runner.unload_if_unused(ttl);
    assert_ne!(runner.readiness().0, Readiness::Ready);
}

#[tokio::test]
async fn a_model_at_work_is_not_unloaded() {
    let gate = Gate::closed();
    let runner = runner(&gate, 1);
    let running = ask(&runner, 1);
    settle().await;
    gate.wait_for_batches(1);
    runner.unload_if_unused(Duration::ZERO);
    assert_eq!(runner.readiness().0, Readiness::Ready);
    gate.open();
    vector(running.await.unwrap());
}

#[test]
fn a_panic_while_loading_is_a_failure() {
    let outcome = caught::<()>(|| panic!("boom"));
    assert_eq!(outcome, Err("loading panicked: boom".to_owned()));
}
