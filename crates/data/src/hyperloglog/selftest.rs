//! What PFSELFTEST tries in the running server: that registers keep what they are given, that both encodings agree, and
//! that counts are as good as the theory says.

use super::{Encoding, Hyperloglog, HyperloglogRef, Pattern, REGISTERS, add_dense, dense};

/// Elements that are counted; the estimate is looked at after each power of ten.
const ELEMENTS: u64 = 1_000_000;
/// Bytes of the longest sparse one.
const SPARSE_MAX: usize = 3000;
/// The standard error of the estimate: 1.04 / sqrt(16384).
const STANDARD_ERROR: f64 = 1.04 / 128.0;
/// Standard errors that are taken for bad luck.
const TOLERANCE: f64 = 6.0;

/// Runs the test with elements that depend on `seed`; answers what is wrong.
pub fn self_test(seed: u64) -> Result<(), String> {
    registers_are_kept(seed)?;
    let (mut any, mut dense) = (Hyperloglog::default(), Hyperloglog::default());
    dense.make_dense().map_err(|_| "an empty value is corrupt")?;
    let (mut dense, mut checkpoint) = (dense.into_bytes(), 1);
    for number in 1..=ELEMENTS {
        let pattern = Pattern::of(&(number ^ seed).to_le_bytes());
        add_dense(&mut dense, [pattern]);
        any.add(pattern, SPARSE_MAX).map_err(|_| "a value of our own is corrupt")?;
        if number == checkpoint {
            counts_are_good(&any, &dense, number)?;
            checkpoint *= 10;
        }
    }
    Ok(())
}

fn registers_are_kept(seed: u64) -> Result<(), String> {
    let rank = |register: usize| (Pattern::of(&(register as u64 ^ seed).to_le_bytes()).register & 63) as u8;
    let mut bytes = vec![0xff; dense::LEN];
    (0..REGISTERS).for_each(|register| dense::set(&mut bytes, register, rank(register)));
    match (0..REGISTERS).find(|register| dense::get(&bytes, *register) != rank(*register)) {
        None => Ok(()),
        Some(wrong) => Err(format!("register {wrong} does not keep {}", rank(wrong))),
    }
}

fn counts_are_good(any: &Hyperloglog, dense: &[u8], elements: u64) -> Result<(), String> {
    if any.encoding() == Encoding::Dense && elements < SPARSE_MAX as u64 / 2 {
        return Err(format!("{elements} elements are dense"));
    }
    let dense = HyperloglogRef::parse(dense).ok_or("what was dense is no HyperLogLog")?;
    let (count, of_dense) = (any.view().count(), dense.count());
    if count != of_dense {
        return Err(format!("encodings disagree: {count:?} and {of_dense:?}"));
    }
    let count = count.map_err(|_| "a value of our own is corrupt")?;
    // Of few elements, two may share a register.
    let most = if elements == 10 { 1.0 } else { (elements as f64 * STANDARD_ERROR * TOLERANCE).ceil() };
    let error = count.abs_diff(elements);
    if error as f64 > most { Err(format!("{elements} elements are counted as {count}")) } else { Ok(()) }
}
