//! Many questions at once, so that what a registry takes to answer one does not add up.

use std::future::Future;

use tokio::task::JoinSet;

/// How many are on the way at a time.
const AT_A_TIME: usize = 16;

/// Runs `ask` on every item, some at a time, and gives the answers in the order of the items.
///
/// # Errors
/// The first that failed; the others are given up.
pub(super) async fn concurrently<I, T, E, A, F>(items: Vec<I>, ask: A) -> Result<Vec<T>, E>
where
    A: Fn(I) -> F,
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    let mut answers: Vec<Option<T>> = Vec::new();
    answers.resize_with(items.len(), || None);
    let mut waiting = items.into_iter().enumerate();
    let mut running: JoinSet<(usize, Result<T, E>)> = JoinSet::new();
    loop {
        while running.len() < AT_A_TIME {
            let Some((index, item)) = waiting.next() else {
                break;
            };
            let answer = ask(item);
            running.spawn(async move { (index, answer.await) });
        }
        match running.join_next().await {
            None => break,
            Some(Ok((index, answer))) => answers[index] = Some(answer?),
            // A question does not panic, and nobody cancels one.
            Some(Err(_)) => {}
        }
    }
    Ok(answers.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_keep_the_order_of_the_questions() {
        let ask = |n: u32| async move {
            // Later questions are answered sooner.
            for _ in n..100 {
                tokio::task::yield_now().await;
            }
            if n == 70 { Err(n) } else { Ok(n) }
        };
        let few = concurrently((0..50).collect(), ask).await;
        assert_eq!(few, Ok((0..50).collect::<Vec<u32>>()));
        assert_eq!(concurrently((0..100).collect(), ask).await, Err(70));
    }
}
