//! What sessions cost, in octets of heap and in steps; nothing here looks at a clock.

mod allocations;
mod delivery;
mod heap;
mod secrets;
mod session;
mod steps;
