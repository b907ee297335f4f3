//! Batches: the records that are ready, together.

use std::ops::Deref;

use futures_util::stream::{self, Stream, StreamExt};

use super::Consumer;
use super::delivery::Delivery;
use super::error::ConsumerError;
use super::slots::Slot;
use crate::topic::Topic;

/// Deliveries that were ready at the same time, at least one, in the order in which they must be handled.
///
/// It is a slice of deliveries. Settle all of them, for example once a transaction of a database has taken them, or take
/// it apart and settle or [fail](Delivery::fail) each by itself. What is dropped stays outstanding, as a single delivery does.
#[derive(Debug)]
#[must_use = "deliveries that are not settled hold up the commits of their partitions"]
pub struct Batch<E> {
    deliveries: Vec<Delivery<E>>,
}

impl<E> Batch<E> {
    /// All of them were handled: their offsets need not be read again.
    pub fn settle(self) {
        self.deliveries.into_iter().for_each(Delivery::settle);
    }
}

impl<E> Deref for Batch<E> {
    type Target = [Delivery<E>];

    fn deref(&self) -> &[Delivery<E>] {
        &self.deliveries
    }
}

impl<E> IntoIterator for Batch<E> {
    type Item = Delivery<E>;
    type IntoIter = std::vec::IntoIter<Delivery<E>>;

    fn into_iter(self) -> Self::IntoIter {
        self.deliveries.into_iter()
    }
}

impl<'a, E> IntoIterator for &'a Batch<E> {
    type Item = &'a Delivery<E>;
    type IntoIter = std::slice::Iter<'a, Delivery<E>>;

    fn into_iter(self) -> Self::IntoIter {
        self.deliveries.iter()
    }
}

impl<T: Topic> Consumer<T> {
    /// The next records: waits for one, and adds those that are ready, up to `most` (0 is taken as 1). `None`: the stream has
    /// ended; what was handed out may still be settled until [`Self::close`].
    ///
    /// A batch holds no more than what `max_in_flight` leaves room for, so set that to at least `most`. Records of one
    /// partition come in the order in which they must be handled, within a batch and from one to the next.
    ///
    /// Cancel safe: records are taken only when the future is ready.
    pub async fn recv_batch(&mut self, most: usize) -> Option<Result<Batch<T::Event>, ConsumerError>> {
        let first = match self.recv().await? {
            Ok(first) => first,
            Err(error) => return Some(Err(error)),
        };
        // From here on nothing waits. What ends the stream is told by the next call.
        let mut deliveries = vec![first];
        while deliveries.len() < most {
            let Some(slot) = Slot::take(&self.mailbox) else {
                break;
            };
            if self.batch.is_empty() && !self.outbox.take_ready(most - deliveries.len(), &mut self.batch) {
                break;
            }
            let Some(record) = self.batch.pop_front() else {
                break;
            };
            // What was taken away meanwhile is dropped: whoever has the partition now gets it.
            deliveries.extend(Delivery::begin(record, slot));
        }
        Some(Ok(Batch { deliveries }))
    }

    /// The records as a [`Stream`] of batches, each as [`Self::recv_batch`] gives it. It ends where `recv_batch` answers
    /// `None`; after an error it goes on with whatever comes next, which is the end.
    ///
    /// ```no_run
    /// # use fleetops_runtime::topic::Topic;
    /// # async fn store<E>(_: &[fleetops_runtime::consumer::Delivery<E>]) -> Result<(), std::io::Error> { Ok(()) }
    /// # async fn example<T: Topic + Default>() -> Result<(), Box<dyn std::error::Error>> {
    /// use fleetops_runtime::Consumer;
    /// use fleetops_runtime::consumer::StreamExt;
    /// use std::time::Duration;
    ///
    /// let mut consumer = Consumer::<T>::builder().env("dev").group("archive").max_in_flight(1_000).build().await?;
    /// let mut batches = consumer.batches(500);
    /// while let Some(batch) = batches.next().await {
    ///     let batch = batch?;
    ///     store(&batch).await?;
    ///     batch.settle();
    /// }
    /// drop(batches);
    /// consumer.close(Duration::from_secs(10)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn batches(
        &mut self,
        most: usize,
    ) -> impl Stream<Item = Result<Batch<T::Event>, ConsumerError>> + Send + Unpin {
        let batches = stream::unfold(self, move |consumer| async move {
            let next = consumer.recv_batch(most).await?;
            Some((next, consumer))
        });
        // Asked again after its end, `unfold` would panic.
        Box::pin(batches.fuse())
    }
}
