//! Number literals: from their text to digits, radix and suffix.

/// Most characters of a literal.
const LONGEST: usize = 200;
/// Greatest magnitude of a decimal's exponent.
const GREATEST_EXPONENT: u32 = 400;

/// An integer literal's parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Integer {
    /// Digits, without underscores and prefix.
    pub digits: String,
    /// 2, 10 or 16.
    pub radix: u32,
    /// `u8` of `7u8`.
    pub suffix: Option<String>,
}

/// What is wrong with a literal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// `0x`.
    #[error("a number in base {0} without digits")]
    NoDigits(u32),
    /// `0b102`, `0xfg`.
    #[error("`{0}` is not a digit in base {1}")]
    BadDigit(char, u32),
    /// `12abc`.
    #[error("`{0}` is not a number's suffix")]
    BadSuffix(String),
    /// `1.5u8`.
    #[error("a decimal number has no suffix")]
    DecimalSuffix(String),
    /// More than `u64` holds.
    #[error("this number is too large")]
    TooLarge,
    /// More than `LONGEST` characters.
    #[error("this number is too long")]
    TooLong,
    /// Beyond `GREATEST_EXPONENT`.
    #[error("this number's exponent is out of range")]
    Exponent,
}

impl NumberError {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            NumberError::NoDigits(2) => Some("write binary digits after the prefix: `0b101`".into()),
            NumberError::NoDigits(_) => Some("write hexadecimal digits after the prefix: `0xff`".into()),
            NumberError::BadDigit(_, 2) => Some("binary digits are 0 and 1".into()),
            NumberError::BadDigit(_, 16) => Some("hexadecimal digits are 0 to 9 and a to f".into()),
            NumberError::BadDigit('o', _) => Some("there are no octal numbers: write it as `0x…` or `0b…`".into()),
            NumberError::BadDigit('.', _) => Some("write only one point in a number".into()),
            NumberError::BadDigit(..) => None,
            NumberError::BadSuffix(_) => Some("a suffix is an integer type, as in `7u8` or `7i32`".into()),
            NumberError::DecimalSuffix(suffix) => {
                Some(format!("a decimal takes the `fix` type that is asked for: leave `{suffix}` out"))
            }
            NumberError::TooLarge => Some("integers go up to 2^64 - 1 = 18446744073709551615".into()),
            NumberError::TooLong => Some(format!("a literal has at most {LONGEST} characters")),
            NumberError::Exponent => Some(format!("exponents go from -{GREATEST_EXPONENT} to {GREATEST_EXPONENT}")),
        }
    }
}

/// Reads an integer literal.
pub fn integer(text: &str) -> Result<Integer, NumberError> {
    if text.len() > LONGEST {
        return Err(NumberError::TooLong);
    }
    let (radix, body) = match text.get(..2) {
        Some("0x" | "0X") => (16, &text[2..]),
        Some("0b" | "0B") => (2, &text[2..]),
        Some("0o") => return Err(NumberError::BadDigit('o', 10)),
        _ => (10, text),
    };
    let end = body.find(|c: char| c != '_' && !c.is_digit(radix.max(10))).unwrap_or(body.len());
    let (number, suffix) = body.split_at(end);
    let digits: String = number.chars().filter(|&c| c != '_').collect();
    if let Some(bad) = digits.chars().find(|c| !c.is_digit(radix)) {
        return Err(NumberError::BadDigit(bad, radix));
    }
    if !suffix.is_empty() && !is_integer_type(suffix) {
        return Err(match (radix, suffix.chars().next()) {
            (16, Some(bad)) => NumberError::BadDigit(bad, 16),
            _ => NumberError::BadSuffix(suffix.into()),
        });
    }
    if digits.is_empty() {
        return Err(NumberError::NoDigits(radix));
    }
    if u64::from_str_radix(&digits, radix).is_err() {
        return Err(NumberError::TooLarge);
    }
    Ok(Integer { digits, radix, suffix: (!suffix.is_empty()).then(|| suffix.to_string()) })
}

/// Reads a decimal literal: its text without underscores.
pub fn decimal(text: &str) -> Result<String, NumberError> {
    if text.len() > LONGEST {
        return Err(NumberError::TooLong);
    }
    let text: String = text.chars().filter(|&c| c != '_').collect();
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text.as_str(), None),
    };
    let is_part = |c: char| c.is_ascii_digit() || c == '.';
    if let Some(at) = mantissa.find(|c| !is_part(c)) {
        return Err(NumberError::DecimalSuffix(mantissa[at..].into()));
    }
    if let Some(exponent) = exponent {
        let digits = exponent.trim_start_matches(['+', '-']);
        if let Some(at) = digits.find(|c: char| !c.is_ascii_digit()) {
            return Err(NumberError::DecimalSuffix(digits[at..].into()));
        }
        if digits.parse::<u32>().map_or(true, |e| e > GREATEST_EXPONENT) {
            return Err(NumberError::Exponent);
        }
    }
    Ok(text)
}

/// `u1` to `u64`, `i2` to `i64`; the width is checked with all types.
fn is_integer_type(text: &str) -> bool {
    let digits = text.strip_prefix(['u', 'i']).unwrap_or("");
    !digits.is_empty() && digits.len() <= 3 && digits.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        let plain = |digits: &str, radix| Ok(Integer { digits: digits.into(), radix, suffix: None });
        assert_eq!(integer("42"), plain("42", 10));
        assert_eq!(integer("0xffff_ffff"), plain("ffffffff", 16));
        assert_eq!(integer("0b1_01"), plain("101", 2));
        assert_eq!(integer("18446744073709551615"), plain("18446744073709551615", 10));
        assert_eq!(integer("7u8"), Ok(Integer { digits: "7".into(), radix: 10, suffix: Some("u8".into()) }));
        assert_eq!(integer("0xfu8"), Ok(Integer { digits: "f".into(), radix: 16, suffix: Some("u8".into()) }));
        assert_eq!(integer("18446744073709551616"), Err(NumberError::TooLarge));
        assert_eq!(integer("0b102"), Err(NumberError::BadDigit('2', 2)));
        assert_eq!(integer("0x"), Err(NumberError::NoDigits(16)));
        assert_eq!(integer("0xfg"), Err(NumberError::BadDigit('g', 16)));
        assert_eq!(integer("12px"), Err(NumberError::BadSuffix("px".into())));
    }

    #[test]
    fn decimals() {
        assert_eq!(decimal("3.25").as_deref(), Ok("3.25"));
        assert_eq!(decimal("1_000.5e-3").as_deref(), Ok("1000.5e-3"));
        assert_eq!(decimal("1.5f32"), Err(NumberError::DecimalSuffix("f32".into())));
        assert_eq!(decimal("1e999"), Err(NumberError::Exponent));
    }
}
