#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| process_pool::fuzzing::receive_and_read(bytes));
