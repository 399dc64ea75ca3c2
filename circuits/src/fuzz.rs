//! What the fuzz targets of `fuzz/` call, here so that tests run the same on mutated seeds.

use crate::bristol::Bristol;

/// Any bytes as a Bristol Fashion file: refused, or read as a sound circuit that survives being written.
///
/// # Panics
/// If that isn't so.
pub fn bristol(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(bristol) = Bristol::parse(text) else { return };
    bristol.circuit.check().expect("a circuit that was read is sound");
    if bristol.circuit.inputs > 1 << 16 {
        return;
    }
    let mut words = Words(data.len() as u64);
    let inputs: Vec<u64> = (0..bristol.circuit.inputs).map(|_| words.next()).collect();
    let again = Bristol::parse(&bristol.to_string()).expect("what was written can be read");
    assert_eq!(bristol.circuit.evaluate_words(&inputs), again.circuit.evaluate_words(&inputs));
}

/// Calls a target with a seed changed here and there, so many times.
pub fn mutations(seed: &[u8], times: usize, target: impl Fn(&[u8])) {
    let mut words = Words(seed.len() as u64);
    for _ in 0..times {
        let mut data = seed.to_vec();
        for _ in 0..1 + words.next() % 4 {
            let at = words.next() as usize % data.len().max(1);
            match words.next() % 5 {
                0 if !data.is_empty() => data[at] = words.next() as u8,
                1 => data.insert(at, seed[words.next() as usize % seed.len()]),
                2 if !data.is_empty() => drop(data.remove(at)),
                3 => data.truncate(at),
                _ if !data.is_empty() => data[at] = seed[words.next() as usize % seed.len()],
                _ => {}
            }
        }
        target(&data);
    }
}

/// A fixed sequence of words (SplitMix64), for tests alone.
pub struct Words(pub u64);

impl Words {
    /// The next word.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
