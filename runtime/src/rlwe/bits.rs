//! Coefficients as bytes: each takes a fixed number of bits, lowest first.

/// Appends values of `bits` ≤ 120 bits; the last byte is filled with zeros.
pub(super) fn pack(out: &mut Vec<u8>, bits: u32, values: impl Iterator<Item = u128>) {
    let (mut held, mut have) = (0u128, 0u32);
    for value in values {
        held |= value << have;
        have += bits;
        let whole = (have / 8) as usize;
        out.extend_from_slice(&held.to_le_bytes()[..whole]);
        held = held.checked_shr(8 * whole as u32).unwrap_or(0);
        have %= 8;
    }
    if have > 0 {
        out.push(held as u8);
    }
}

/// The values of `bits` ≤ 120 bits in a message, as many as are asked for; zeros after its end.
pub(super) fn unpack(bytes: &[u8], bits: u32) -> impl Iterator<Item = u128> + '_ {
    let mask = (1u128 << bits) - 1;
    (0..).map(move |index: usize| {
        let start = index * bits as usize;
        let rest = bytes.get(start / 8..).unwrap_or(&[]);
        let mut window = [0; 16];
        let have = rest.len().min(16);
        window[..have].copy_from_slice(&rest[..have]);
        (u128::from_le_bytes(window) >> (start % 8)) & mask
    })
}

#[cfg(test)]
mod tests {
    use motet_program::lattice::packed_len;

    use super::*;

    #[test]
    fn values_come_back() {
        for bits in [1, 7, 8, 11, 50, 64, 67, 76, 112, 120] {
            let values: Vec<u128> = (0..37u128)
                .map(|j| j.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835) >> (128 - bits))
                .collect();
            let mut bytes = Vec::new();
            pack(&mut bytes, bits, values.iter().copied());
            assert_eq!(bytes.len(), packed_len(values.len(), bits));
            assert_eq!(unpack(&bytes, bits).take(37).collect::<Vec<_>>(), values);
        }
    }
}
