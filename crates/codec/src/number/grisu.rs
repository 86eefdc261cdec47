//! The decimal digits of a double: Grisu2, in the variant whose digits Redis has printed since 7.2.
//!
//! Source of the algorithm: Florian Loitsch, "Printing Floating-Point Numbers Quickly and Accurately with
//! Integers" (PLDI 2010). The digits always read back as the same double; in about one of ten they are not the
//! shortest or not the closest that do. So this is not replaced by a modern shortest printer: scores are text
//! on the wire, in listpacks and in digests, and theirs must be the same bytes on both sides. What picks among
//! candidates is therefore part of the format: which power of ten is taken, how products round, how the last
//! digit is weeded.

/// A floating-point number without limits: `fraction` times 2 to the `exponent`.
#[derive(Clone, Copy)]
struct Wide {
    fraction: u64,
    exponent: i32,
}

impl Wide {
    fn normalized(self) -> Wide {
        let shift = self.fraction.leading_zeros();
        Wide { fraction: self.fraction << shift, exponent: self.exponent - shift as i32 }
    }

    /// The upper half of the product, rounded half up.
    fn times(self, other: Wide) -> Wide {
        let product = u128::from(self.fraction) * u128::from(other.fraction);
        let rounded = (product + (1 << 63)) >> 64;
        Wide { fraction: rounded as u64, exponent: self.exponent + other.exponent + 64 }
    }
}

const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;
const HIDDEN_BIT: u64 = 1 << FRACTION_BITS;
const EXPONENT_BIAS: i32 = 1023 + FRACTION_BITS as i32;

/// The longest run of digits that tells a double apart.
pub(super) const MAX_DIGITS: usize = 17;

/// The digits of a number, most significant first, and the power of ten of the last of them.
pub(super) struct Digits {
    text: [u8; MAX_DIGITS],
    len: usize,
    /// The value is the digits, read as an integer, times ten to this power.
    pub(super) exponent: i32,
}

impl Digits {
    /// The digits of a finite double that is not zero; its sign is ignored.
    pub(super) fn of(value: f64) -> Digits {
        let value = decompose(value);
        let (lower, upper) = boundaries(value);
        let (power, decimal_exponent) = cached_power(upper.exponent);
        let (low, high) = (lower.times(power), upper.times(power));
        // The products are off by up to one unit, so the safe interval is that much narrower.
        let (low, high) = (low.fraction + 1, Wide { fraction: high.fraction - 1, exponent: high.exponent });
        generate(value.normalized().times(power).fraction, low, high, -decimal_exponent)
    }

    /// The digits in ASCII.
    pub(super) fn text(&self) -> &[u8] {
        &self.text[..self.len]
    }

    /// Appends a digit, unless it would be a leading zero.
    fn push(&mut self, digit: u64) {
        if digit != 0 || self.len != 0 {
            self.text[self.len] = b'0' + digit as u8;
            self.len += 1;
        }
    }

    /// Lowers the last digit while that brings the number closer to the value and keeps it in the interval.
    ///
    /// Distances count from the upper end of the interval: `rest` that of the number, `target` that of the
    /// value,
    /// `delta` that of the lower end; `unit` is what one more in the last digit is worth.
    fn weed(&mut self, delta: u64, mut rest: u64, unit: u64, target: u64) {
        while rest < target
            && delta - rest >= unit
            && (rest + unit < target || target - rest > rest + unit - target)
        {
            self.text[self.len - 1] -= 1;
            rest += unit;
        }
    }
}

fn decompose(value: f64) -> Wide {
    let bits = value.to_bits();
    let (fraction, exponent) = (bits & (HIDDEN_BIT - 1), (bits >> FRACTION_BITS & 0x7ff) as i32);
    match exponent {
        0 => Wide { fraction, exponent: 1 - EXPONENT_BIAS },
        _ => Wide { fraction: fraction | HIDDEN_BIT, exponent: exponent - EXPONENT_BIAS },
    }
}

/// The midpoints to the neighbouring doubles, below and above, with the exponent of the normalised upper one.
fn boundaries(value: Wide) -> (Wide, Wide) {
    let upper = Wide { fraction: (value.fraction << 1) + 1, exponent: value.exponent - 1 }.normalized();
    // Below a power of two the doubles lie twice as close.
    let shift = if value.fraction == HIDDEN_BIT { 2 } else { 1 };
    let (fraction, exponent) = ((value.fraction << shift) - 1, value.exponent - shift);
    let lower = Wide { fraction: fraction << (exponent - upper.exponent), exponent: upper.exponent };
    (lower, upper)
}

/// The power of ten that brings a number of this binary exponent to an exponent of -60 to -32, and its decimal
/// exponent. Where two would do, the first one met from the estimate on is taken.
fn cached_power(exponent: i32) -> (Wide, i32) {
    const LOG10_OF_2: f64 = 0.301_029_995_663_981_14;
    let estimate = (-f64::from(exponent + POWERS.len() as i32) * LOG10_OF_2) as i32;
    let mut index = (estimate - FIRST_POWER) / POWER_STEP;
    loop {
        let decimal_exponent = FIRST_POWER + index * POWER_STEP;
        let power = Wide { fraction: POWERS[index as usize], exponent: binary_exponent(decimal_exponent) };
        match exponent + power.exponent + 64 {
            ..-60 => index += 1,
            -60..=-32 => return (power, decimal_exponent),
            -31.. => index -= 1,
        }
    }
}

/// The exponent of ten to the `power` when its fraction has 64 bits: floor(power * log2(10)) - 63.
const fn binary_exponent(power: i32) -> i32 {
    ((power * 217_706) >> 16) - 63
}

/// Generates digits from the upper end of the interval down, until what is left fits into the interval.
fn generate(value: u64, low: u64, high: Wide, exponent: i32) -> Digits {
    let mut digits = Digits { text: [0; MAX_DIGITS], len: 0, exponent };
    let (target, mut delta) = (high.fraction - value, high.fraction - low);
    let point = -high.exponent as u32;
    let one = 1u64 << point;
    let (mut whole, mut part) = (high.fraction >> point, high.fraction & (one - 1));

    for power in (0..10).rev() {
        let divisor = 10u64.pow(power);
        digits.push(whole / divisor);
        whole %= divisor;
        let rest = (whole << point) + part;
        if rest <= delta {
            digits.exponent += power as i32;
            digits.weed(delta, rest, divisor << point, target);
            return digits;
        }
    }
    let mut scale = 1u64;
    loop {
        part *= 10;
        delta *= 10;
        scale = scale.wrapping_mul(10);
        digits.exponent -= 1;
        digits.push(part >> point);
        part &= one - 1;
        if part < delta {
            digits.weed(delta, part, one, target.wrapping_mul(scale));
            return digits;
        }
    }
}

const FIRST_POWER: i32 = -348;
const POWER_STEP: i32 = 8;

/// The top 64 bits, rounded to nearest, of ten to the -348, -340, ... 340.
#[rustfmt::skip]
static POWERS: [u64; 87] = [
    0xfa8fd5a0081c0288, 0xbaaee17fa23ebf76, 0x8b16fb203055ac76, 0xcf42894a5dce35ea,
    0x9a6bb0aa55653b2d, 0xe61acf033d1a45df, 0xab70fe17c79ac6ca, 0xff77b1fcbebcdc4f,
    0xbe5691ef416bd60c, 0x8dd01fad907ffc3c, 0xd3515c2831559a83, 0x9d71ac8fada6c9b5,
    0xea9c227723ee8bcb, 0xaecc49914078536d, 0x823c12795db6ce57, 0xc21094364dfb5637,
    0x9096ea6f3848984f, 0xd77485cb25823ac7, 0xa086cfcd97bf97f4, 0xef340a98172aace5,
    0xb23867fb2a35b28e, 0x84c8d4dfd2c63f3b, 0xc5dd44271ad3cdba, 0x936b9fcebb25c996,
    0xdbac6c247d62a584, 0xa3ab66580d5fdaf6, 0xf3e2f893dec3f126, 0xb5b5ada8aaff80b8,
    0x87625f056c7c4a8b, 0xc9bcff6034c13053, 0x964e858c91ba2655, 0xdff9772470297ebd,
    0xa6dfbd9fb8e5b88f, 0xf8a95fcf88747d94, 0xb94470938fa89bcf, 0x8a08f0f8bf0f156b,
    0xcdb02555653131b6, 0x993fe2c6d07b7fac, 0xe45c10c42a2b3b06, 0xaa242499697392d3,
    0xfd87b5f28300ca0e, 0xbce5086492111aeb, 0x8cbccc096f5088cc, 0xd1b71758e219652c,
    0x9c40000000000000, 0xe8d4a51000000000, 0xad78ebc5ac620000, 0x813f3978f8940984,
    0xc097ce7bc90715b3, 0x8f7e32ce7bea5c70, 0xd5d238a4abe98068, 0x9f4f2726179a2245,
    0xed63a231d4c4fb27, 0xb0de65388cc8ada8, 0x83c7088e1aab65db, 0xc45d1df942711d9a,
    0x924d692ca61be758, 0xda01ee641a708dea, 0xa26da3999aef774a, 0xf209787bb47d6b85,
    0xb454e4a179dd1877, 0x865b86925b9bc5c2, 0xc83553c5c8965d3d, 0x952ab45cfa97a0b3,
    0xde469fbd99a05fe3, 0xa59bc234db398c25, 0xf6c69a72a3989f5c, 0xb7dcbf5354e9bece,
    0x88fcf317f22241e2, 0xcc20ce9bd35c78a5, 0x98165af37b2153df, 0xe2a0b5dc971f303a,
    0xa8d9d1535ce3b396, 0xfb9b7cd9a4a7443c, 0xbb764c4ca7a44410, 0x8bab8eefb6409c1a,
    0xd01fef10a657842c, 0x9b10a4e5e9913129, 0xe7109bfba19c0c9d, 0xac2820d9623bf429,
    0x80444b5e7aa7cf85, 0xbf21e44003acdd2d, 0x8e679c2f5e44ff8f, 0xd433179d9c8cb841,
    0x9e19db92b4e31ba9, 0xeb96bf6ebadf77d9, 0xaf87023b9bf0ee6b,
];

#[cfg(test)]
mod tests {
    use super::*;
    use rustc_apfloat::{Float, ieee::X87DoubleExtended};

    /// The table is what correct rounding to 64 bits gives, worked out by another implementation.
    #[test]
    fn powers_are_correctly_rounded() {
        for (index, &fraction) in POWERS.iter().enumerate() {
            let decimal = FIRST_POWER + index as i32 * POWER_STEP;
            let extended: X87DoubleExtended = format!("1e{decimal}").parse().expect("a number");
            let bits = extended.to_bits();
            let binary = (bits >> 64 & 0x7fff) as i32 - 16383 - 63;
            assert_eq!((fraction, binary_exponent(decimal)), (bits as u64, binary), "1e{decimal}");
        }
    }
}
