//! Payloads of RESTORE: damaged values behind a valid checksum are refused, and never cost more memory than
//! their bytes can stand for.

#![no_main]

use data::Limits;
use formats::dump::{Value, append_footer, decode, object, string, verify};
use libfuzzer_sys::fuzz_target;

/// The most that a byte of a payload can stand for: LZF's longest copy takes three.
const MOST_A_BYTE: usize = 264 / 3;

fuzz_target!(|body: &[u8]| {
    // As it is: the footer is nearly never right.
    if let Ok(verified) = verify(body) {
        assert!(verified.len() < body.len());
    }
    // With the right footer: only the decoder stands between the bytes and the keyspace.
    let mut payload = body.to_vec();
    append_footer(&mut payload, 10);
    assert_eq!(verify(&payload), Ok(body));
    let most = body.len().max(20) * MOST_A_BYTE;
    match decode(body, &Limits::default()) {
        Ok(Value::String(value)) => assert!(value.into_vec().len() <= most),
        // A damaged value is no value; what is one can be written, and read again.
        Ok(Value::Object(value)) => {
            let again = object(value.borrow());
            decode(verify(&again).expect("our own footer"), &Limits::default()).expect("our own value");
        }
        Err(_) => {}
    }
    // What we make of any bytes comes back as it was.
    let made = string(body);
    let Ok(Value::String(back)) = decode(verify(&made).expect("our own footer"), &Limits::default()) else {
        panic!("our own string")
    };
    assert_eq!(back.into_vec(), body);
});
