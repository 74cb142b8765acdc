//! rustyknife: parsers of commands.

use std::hint::black_box;

use rustyknife::behaviour::Intl;
use rustyknife::rfc5321::command;

use crate::job::{Job, Peer, Task, Work};

pub(crate) struct Rustyknife;

impl Peer for Rustyknife {
    fn name(&self) -> &'static str {
        "rustyknife"
    }

    fn work(&self, job: &Job) -> Option<Work> {
        match job.task {
            Task::Parse => Work::new("values and lengths unchecked", |mut input, _| {
                let mut commands = 0;
                while let Ok((rest, read)) = command::<Intl>(input) {
                    black_box(read);
                    input = rest;
                    commands += 1;
                }
                commands
            }),
            _ => None,
        }
    }
}
