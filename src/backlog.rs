//! An unbounded backlog, for the kernels of the tests and of the models.

use ironring_half::{Backlog, Cqe};
use std::collections::VecDeque;

#[derive(Default)]
pub struct Unbounded(VecDeque<Cqe>);

impl Backlog for Unbounded {
    fn first(&self) -> Option<Cqe> {
        self.0.front().copied()
    }

    fn pop(&mut self) {
        self.0.pop_front();
    }

    fn push(&mut self, cqe: &Cqe) -> bool {
        self.0.push_back(*cqe);
        true
    }
}
