#![no_main]

use smtp_proto::testing::fuzz;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::caller(data));
