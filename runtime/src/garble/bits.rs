//! Between words (one for each instance) and bit planes (one word of all instances for each bit).

/// Splits up to 128 words into planes: bit `i` of `planes[b]` is bit `b` of `words[i]`.
pub fn to_planes(words: &[u64], planes: &mut [u128]) {
    debug_assert!(words.len() <= 128 && planes.len() <= 64);
    planes.fill(0);
    for (half, words) in words.chunks(64).enumerate() {
        let shift = 64 * half;
        if words.len() <= 4 {
            for (i, &word) in words.iter().enumerate() {
                for (b, plane) in planes.iter_mut().enumerate() {
                    *plane |= u128::from(word >> b & 1) << (shift + i);
                }
            }
        } else {
            let mut square = [0; 64];
            square[..words.len()].copy_from_slice(words);
            transpose(&mut square);
            for (plane, column) in planes.iter_mut().zip(square) {
                *plane |= u128::from(column) << shift;
            }
        }
    }
}

/// The inverse: bit `b` of `words[i]` is bit `i` of `planes[b]`; bits above are 0.
pub fn from_planes(planes: &[u128], words: &mut [u64]) {
    debug_assert!(words.len() <= 128 && planes.len() <= 64);
    for (half, words) in words.chunks_mut(64).enumerate() {
        let mut square = [0; 64];
        for (column, plane) in square.iter_mut().zip(planes) {
            *column = (plane >> (64 * half)) as u64;
        }
        transpose(&mut square);
        words.copy_from_slice(&square[..words.len()]);
    }
}

/// Transposes a 64 × 64 bit matrix: bit `j` of row `i` becomes bit `i` of row `j`.
pub(crate) fn transpose(rows: &mut [u64; 64]) {
    let mut width = 32;
    let mut mask = u64::MAX >> 32;
    while width != 0 {
        let mut k = 0;
        while k < 64 {
            for i in k..k + width {
                let swap = (rows[i] >> width ^ rows[i + width]) & mask;
                rows[i] ^= swap << width;
                rows[i + width] ^= swap;
            }
            k += 2 * width;
        }
        width /= 2;
        mask ^= mask << width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_and_back() {
        for count in [1, 4, 5, 63, 64, 65, 127, 128] {
            for bits in [1, 13, 64] {
                let mask = u64::MAX >> (64 - bits);
                let words: Vec<u64> =
                    (1..=count as u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) & mask).collect();
                let mut planes = vec![u128::MAX; bits];
                to_planes(&words, &mut planes);
                for (i, word) in words.iter().enumerate() {
                    for (b, plane) in planes.iter().enumerate() {
                        assert_eq!(plane >> i & 1, u128::from(word >> b & 1));
                    }
                }
                let mut back = vec![0; count];
                from_planes(&planes, &mut back);
                assert_eq!(back, words);
            }
        }
    }
}
