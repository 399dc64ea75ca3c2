//! Runs of up to 64 bits in words.

/// Adds, modulo 2, bits at bit `at`: 64 of them only where that is a word's first.
pub(super) fn deposit(words: &mut [u64], at: usize, bits: u64) {
    let (word, shift) = (at / 64, at % 64);
    words[word] ^= bits << shift;
    if shift > 0
        && let Some(next) = words.get_mut(word + 1)
    {
        *next ^= bits >> (64 - shift);
    }
}

/// `count` bits, at least one and at most 64, from bit `at` on.
pub(super) fn extract(words: &[u64], at: usize, count: usize) -> u64 {
    let (word, shift) = (at / 64, at % 64);
    let low = words[word] >> shift;
    let high = if shift > 0 { words.get(word + 1).map_or(0, |next| next << (64 - shift)) } else { 0 };
    (low | high) & (u64::MAX >> (64 - count))
}
