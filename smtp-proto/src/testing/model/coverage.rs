//! The cells that a search is to visit.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::alphabet::{ANSWERS, AUTH_ANSWERS, Answer};
use super::reference::{BEFORE_AUTH, BEFORE_TLS, Visit};
use super::table::{Cell, STATES, Table};

/// Every cell of the table, with every answer where the application is asked.
pub(super) fn cells(table: &Table) -> Vec<Visit> {
    table.rows().flat_map(|row| cells_of(table, row)).collect()
}

fn cells_of(table: &Table, row: &'static str) -> Vec<Visit> {
    let cell = |state| {
        let outcomes = match table.cell(row, state) {
            Cell::Ask if row.starts_with("AUTH") => names(&AUTH_ANSWERS),
            Cell::Ask => names(&ANSWERS),
            Cell::Reply(code) | Cell::Last(code) => [code.to_string()].into(),
        };
        outcomes.into_iter().map(move |outcome| (state, row, outcome))
    };
    STATES.into_iter().flat_map(cell).collect()
}

fn names(answers: &[Answer]) -> Vec<String> {
    answers.iter().map(|answer| format!("{answer:?}")).collect()
}

/// The cells of STARTTLS and AUTH, and what is refused before them where they are required.
pub(super) fn secured(table: &Table, required: bool) -> Vec<Visit> {
    let own = table.rows().filter(|row| row.starts_with("STARTTLS") || row.starts_with("AUTH"));
    let mut cells: Vec<Visit> = own.flat_map(|row| cells_of(table, row)).collect();
    // In the clear there is no AUTH, and no password is right.
    cells.retain(|(state, row, _)| !(required && *state == "G" && row.starts_with("AUTH-first")));
    cells.extend(names(&AUTH_ANSWERS).into_iter().map(|answer| ("A", "response", answer)));
    cells.extend(
        [
            ("A", "cancel", "501"),
            ("A", "no response", "501"),
            ("H", "AUTH", "421"),
            ("H", "AUTH", "503"),
            ("H", "STARTTLS", "503"),
            ("S", "handshake", "done"),
            ("S", "handshake", "broken"),
        ]
        .map(|(state, row, outcome)| (state, row, outcome.to_string())),
    );
    let refused = |state: &'static str, row| (state, row, "530".to_string());
    let rows = || table.rows().filter(move |row| required && !BEFORE_TLS.contains(row));
    cells.extend(rows().map(|row| refused("clear", row)));
    let unknown = rows().filter(|row| !BEFORE_AUTH.contains(row));
    cells.extend(unknown.map(|row| refused("unknown", row)));
    cells
}
