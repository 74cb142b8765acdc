//! The marks of the machine: a copy of the input, and a search that finds nothing in it.

use std::hint::black_box;

use crate::job::{Job, Peer, Task, Work};

pub(crate) const COPY: &str = "memcpy";
pub(crate) const SEARCH: &str = "memchr";

pub(crate) struct Copy;

impl Peer for Copy {
    fn name(&self) -> &'static str {
        COPY
    }

    fn work(&self, job: &Job) -> Option<Work> {
        let result = job.result;
        match job.task {
            Task::BodyIn(piece) => Work::new("all of it", move |input, sink| {
                input.chunks(piece).for_each(|piece| sink.extend_from_slice(black_box(piece)));
                result
            }),
            Task::BodyOut => Work::new("all of it", move |input, sink| {
                sink.extend_from_slice(black_box(input));
                result
            }),
            _ => None,
        }
    }
}

pub(crate) struct Search;

impl Peer for Search {
    fn name(&self) -> &'static str {
        SEARCH
    }

    fn work(&self, job: &Job) -> Option<Work> {
        let result = job.result;
        if job.task == Task::Serve {
            return None;
        }
        Work::new("all of it", move |input, _| {
            assert_eq!(memchr::memchr(0xff, black_box(input)), None);
            result
        })
    }
}
